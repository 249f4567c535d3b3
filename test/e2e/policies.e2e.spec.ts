// Policies from an admin's mutation to an agent's answer, with real processes. A rule that was accepted and is not enforced by a
// proxy of two workers, or an explanation that says otherwise than the proxy does, is worse than no rule.

import { create, type Message } from "@bufbuild/protobuf";
import { openDatabase } from "@tollgate/api/database";
import { handleAll } from "@tollgate/api/log/handle";
import { accept, type Decider } from "@tollgate/kernel/decider";
import { PolicyCreatedSchema, PolicyRetiredSchema } from "@tollgate/schema/events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { callTool, createTeam, issueKey, readNackedScopes, registerServer } from "../support/operations.ts";
import {
  askToCreatePolicy,
  createPolicy,
  explainCall,
  retirePolicy,
  type RuleInput,
} from "../support/policy-operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const testMsMax = 60_000;
const held = new AsyncDisposableStack();
let database: TestDatabase & AsyncDisposable;
let stack: Stack;
let key: { id: string; secret: string };
let serverId: string;
let teamId: string;

beforeAll(async () => {
  database = held.use(await createDatabase("policies_e2e"));
  stack = held.use(await startStack({ databaseUrl: database.url, env: { TOLLGATE_PROXY_WORKERS: "2" } }));
  const [one, two] = [held.use(await startExampleMcp()), held.use(await startExampleMcp())];
  ({ id: serverId } = await registerServer(stack.admin, { name: "one", url: one.url }));
  await registerServer(stack.admin, { name: "two", url: two.url });
  ({ id: teamId } = await createTeam(stack.admin, "governed"));
  key = await issueKey(stack.admin, { name: "agent", teamId });
  for (const tool of ["one__echo", "two__echo"]) await bothWorkers(tool, {}, '"result"');
}, testMsMax);
afterAll(() => held.disposeAsync(), testMsMax);

const made: string[] = [];
afterEach(async () => {
  for (const id of made.splice(0)) await retirePolicy(stack.admin, id);
  await bothWorkers("one__echo", {}, '"result"');
});

async function rule(name: string, input: RuleInput): Promise<string> {
  const { id } = await createPolicy(stack.admin, name, input);
  made.push(id);
  return id;
}

const call = async (tool: string, args: unknown) => callTool(stack.proxy().url, key.secret, tool, args);

/** The kernel deals connections out, so that several calls meet each worker. */
async function bothWorkers(tool: string, args: unknown, expected: string): Promise<string> {
  let last = "";
  for (let times = 0; times < 6; times++)
    await until(
      async () => {
        ({ body: last } = await call(tool, args));
        return last.includes(expected);
      },
      { what: `${tool} to be answered with ${expected}` },
    );
  return last;
}

async function readDecision(decisionId: string): Promise<object[]> {
  const { calls } = await stack.admin.run<{ calls: { nodes: object[] } }>(
    "query ($decisionId: String!) { calls(filter: { decisionId: $decisionId }) { nodes { requestId policyId decisionId code } } }",
    { decisionId },
  );
  return calls.nodes;
}

const asked = (args: object, tool = "echo") => ({
  ...{ keyId: key.id, door: "MCP", server: "one", tool },
  arguments: JSON.stringify(args),
});

test(
  "deny: the call is refused with the decision's id, which the fact has, too, and the explanation says the same",
  async () => {
    const id = await rule("no-secrets", {
      match: "call.tool == 'echo' && has(call.arguments.secret)",
      deny: { message: "Not that." },
    });
    const refused = await bothWorkers("one__echo", { secret: 1 }, "policy.denied");
    expect(refused).toContain("A policy refuses this call. Not that.");
    const [, decisionId = ""] = /"decisionId":"([^"]+)"/.exec(refused) ?? [];
    const [requestId, policyId] = decisionId.split(".");
    expect(policyId).toBe(id);
    const facts = await until(
      async () => {
        const found = await readDecision(decisionId);
        return found.length > 0 && found;
      },
      { what: "the fact of the refusal" },
    );
    expect(facts).toEqual([{ requestId, policyId: id, decisionId, code: "policy.denied" }]);
    expect((await call("one__echo", { open: 1 })).hasResult).toBe(true);
    expect(await explainCall(stack.admin, asked({ secret: 1 }))).toMatchObject({
      ...{ isAllowed: false, code: "policy.denied", message: "A policy refuses this call. Not that." },
      grants: [{ level: "KEY", isAllowed: true }],
      policies: [{ name: "no-secrets", verdict: "REFUSES" }],
    });
    expect(await explainCall(stack.admin, asked({ open: 1 }))).toMatchObject({
      ...{ isAllowed: true, code: null, policies: [{ verdict: "UNMATCHED" }] },
    });
    expect(await explainCall(stack.admin, { ...asked({}), server: "none" })).toMatchObject({
      code: "mcp.tool-unknown",
    });
  },
  testMsMax,
);

test(
  "validate-arguments: what is wrong is said, and what is right goes through",
  async () => {
    const schema = JSON.stringify({ properties: { n: { type: "integer", maximum: 5 } }, required: ["n"] });
    await rule("small", {
      match: "call.tool == 'echo'",
      covers: { serverIds: [serverId] },
      validateArguments: { schema },
    });
    expect(await bothWorkers("one__echo", { n: 6 }, "policy.arguments-invalid")).toContain("`/n` is more than 5.");
    expect((await call("one__echo", { n: 5 })).hasResult).toBe(true);
    expect((await call("two__echo", {})).hasResult).toBe(true);
  },
  testMsMax,
);

test(
  "redact: what is taken out is not in the answer of a server that gives back what it got",
  async () => {
    await rule("no-keys", {
      redact: { of: "TOOLS", direction: "BOTH", patterns: ["sk-[a-z]{4,}"], replacement: "[key]" },
    });
    const answer = await bothWorkers("one__echo", { text: "a sk-abcd b" }, "[key]");
    expect(answer).not.toContain("sk-abcd");
  },
  testMsMax,
);

test(
  "an expression that fails refuses its call, and is seen in the metrics",
  async () => {
    await rule("fails", { match: "call.arguments.size > 5", deny: {} });
    expect(await bothWorkers("two__echo", {}, "policy.failed")).toContain("field not found: size");
    expect(await explainCall(stack.admin, asked({}))).toMatchObject({
      code: "policy.failed",
      policies: [{ verdict: "FAILS" }],
    });
    await until(
      async () => {
        const text = await (await fetch(`${stack.proxy().adminUrl}/metrics`)).text();
        return /tollgate_refusals_total\{code="policy\.failed"\} [1-9]/.test(text);
      },
      { what: "the refusals to be counted" },
    );
  },
  testMsMax,
);

test(
  "what does not compile is refused with its place, and what a policy covers stays while it does",
  async () => {
    const answer = await askToCreatePolicy(stack.admin, "wrong", { match: "call.tol == 'a'", deny: {} });
    expect(answer).toMatchObject({ __typename: "InvalidInput", message: expect.stringContaining("line 1, column 5") });
    await rule("covering", { covers: { teamIds: [teamId] }, match: "false", deny: {} });
    const { retireTeam } = await stack.admin.run<{ retireTeam: object }>(
      `mutation ($id: ID!) { retireTeam(id: $id) { __typename } }`,
      { id: teamId },
    );
    expect(retireTeam).toEqual({ __typename: "InUse" });
  },
  testMsMax,
);

test(
  "a policy of a later version refuses what it covers, is reported, and nothing beside it is touched",
  async () => {
    const id = "00000000000000zz";
    const policy = { id, name: "of-tomorrow", covers: [`server/${serverId}`], requires: ["policy-of-tomorrow"] };
    await append(id, create(PolicyCreatedSchema, { policy }));
    await bothWorkers("one__echo", {}, "policy.scope-refused");
    expect((await call("two__echo", {})).hasResult).toBe(true);
    await until(async () => (await readNackedScopes(stack.admin)).includes(`policy/${id}`), { what: "its NACK" });
    await append(id, create(PolicyRetiredSchema, { policy }));
  },
  testMsMax,
);

test(
  "a file: what it would change is told before it is applied, and is so once it is",
  async () => {
    const file =
      'version: 1\npolicies:\n  - { name: from-a-file, match: call.tool == "echo", deny: { message: Filed. } }\n';
    const effects = async (): Promise<string[]> => {
      type Shown = { name: string; before: { outcome: string }; after: { outcome: string; policy: string } };
      const { dryRun } = await stack.admin.run<{ dryRun: { isWhole: boolean; effects: Shown[] } }>(
        `query ($file: String!) { dryRun(file: $file) { ... on DryRunSucceeded {
           isWhole effects { name before { outcome } after { outcome policy } } } ... on Refusal { message } } }`,
        { file },
      );
      expect(dryRun.isWhole).toBe(true);
      return dryRun.effects.map((one) => `${one.name} ${one.before.outcome} ${one.after.outcome} ${one.after.policy}`);
    };
    const told = ["one/echo ALLOWED REFUSED from-a-file", "two/echo ALLOWED REFUSED from-a-file"];
    await until(async () => String((await effects()).sort()) === String(told), { what: "both tools to be told of" });
    expect((await call("one__echo", {})).hasResult).toBe(true);
    await stack.admin.run(`mutation ($file: String!) { applyConfiguration(file: $file) { __typename } }`, { file });
    await bothWorkers("one__echo", {}, "Filed.");
    expect(await effects()).toEqual([]);
    const { policies } = await stack.admin.run<{ policies: { nodes: { id: string; name: string }[] } }>(
      `{ policies { nodes { id name } } }`,
    );
    expect(policies.nodes.map(({ name }) => name)).toEqual(["from-a-file"]);
    made.push(...policies.nodes.map(({ id }) => id));
  },
  testMsMax,
);

/** No command of this version makes such a policy: it is appended as a later one would. */
async function append(id: string, event: Message): Promise<void> {
  const decider: Decider<unknown, unknown, Message, never> = {
    stream: "policy",
    initial: undefined,
    evolve: () => undefined,
    decide: () => accept([event]),
  };
  const log = await openDatabase({ url: database.url });
  try {
    const meta = { actor: "system/test", timeMs: Date.now(), isForced: true };
    expect(await handleAll(log, [{ decider, id, command: undefined }], meta)).toMatchObject({ outcome: "accepted" });
  } finally {
    await log.close();
  }
}
