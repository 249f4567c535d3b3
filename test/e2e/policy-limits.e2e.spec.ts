// A policy that counts, over two proxies of two workers and two keys, with real processes: what it matches is let through as often as
// it says and no more, wherever it arrives and whoever calls, and what another policy refuses takes nothing of it. Were it counted
// by each proxy for itself, a rule would be worth what there are proxies.

import { openDatabase } from "@tollgate/api/database";
import { compareAll } from "@tollgate/api/ledger/rebuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { callTool, createTeam, issueKey, readCalls, registerServer, type IssuedKey } from "../support/operations.ts";
import { changePolicy, createPolicy, explainCall, type RuleInput } from "../support/policy-operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const testMsMax = 120_000;
const held = new AsyncDisposableStack();
let database: TestDatabase & AsyncDisposable;
let stack: Stack;
let keys: IssuedKey[];

beforeAll(async () => {
  database = held.use(await createDatabase("policy_limits_e2e"));
  stack = held.use(await startStack({ databaseUrl: database.url, proxies: 2, env: { TOLLGATE_PROXY_WORKERS: "2" } }));
  const server = held.use(await startExampleMcp());
  await registerServer(stack.admin, { name: "one", url: server.url });
  const { id: teamId } = await createTeam(stack.admin, "governed");
  keys = [
    await issueKey(stack.admin, { name: "first", teamId }),
    await issueKey(stack.admin, { name: "second", teamId }),
  ];
}, testMsMax);
afterAll(() => held.disposeAsync(), testMsMax);

/** Every proxy with every key in turn; the kernel deals connections out among the workers. */
async function call(at: number, args: unknown): Promise<string> {
  const key = keys[Math.floor(at / 2) % 2];
  return (await callTool(stack.proxy(at % 2).url, key?.secret ?? "", "one__echo", args)).body;
}

async function everywhere(args: unknown, isSo: (body: string) => boolean, what: string): Promise<void> {
  for (let at = 0; at < 16; at++) await until(async () => isSo(await call(at, args)), { what });
}

const isServed = (body: string): boolean => body.includes('"result"') && !body.includes('"isError":true');

/** How many of so many calls are served, none of which may be refused but by the limit. */
async function served(times: number): Promise<number> {
  let count = 0;
  for (let at = 0; at < times; at++) {
    const body = await call(at, { text: "counted" });
    if (isServed(body)) count += 1;
    else expect(body).toContain("limit.reached");
  }
  return count;
}

test(
  "a call counts once, at whichever proxy and by whichever key; a changed amount is in force; a refused call takes nothing",
  async () => {
    const rule = (amount: number): RuleInput => ({
      order: 5,
      match: "call.tool == 'echo' && has(call.arguments.text) && call.arguments.text == 'counted'",
      limit: { measure: "REQUESTS", amount: String(amount), window: "HOUR" },
    });
    const { id } = await createPolicy(stack.admin, "few", rule(0));
    await everywhere({ text: "counted" }, (body) => body.includes("limit.reached"), "the limit to be known");
    await createPolicy(stack.admin, "never", {
      ...{ order: 9, match: "call.tool == 'echo' && has(call.arguments.never)", deny: { message: "Never." } },
    });
    const refused = { text: "counted", never: 1 };
    await everywhere(refused, (body) => body.includes("policy.denied"), "the other policy to be known");

    await changePolicy(stack.admin, id, rule(20));
    await everywhere(refused, (body) => body.includes("policy.denied"), "calls to be refused");
    // What was not heard of everywhere may have refused a call that there is room for; it never lets one more through.
    let total = 0;
    await until(
      async () => {
        total += await served(24);
        expect(total).toBeLessThanOrEqual(20);
        return total === 20;
      },
      { what: "all twenty to be served" },
    );
    expect(await served(24)).toBe(0);
    expect(isServed(await call(0, { text: "other" }))).toBe(true);

    const body = await call(1, { text: "counted" });
    expect(body).toContain("That of the policy `few` lets through 20 requests in its window.");
    const [, requestId] = new RegExp(`"tollgate/decisionId":"([^".]+)\\.${id}"`).exec(body) ?? [];
    expect(requestId).toBeDefined();
    await until(
      async () =>
        (await readCalls(stack.admin)).some((fact) => fact.requestId === requestId && fact.code === "limit.reached"),
      { what: "the fact of the refusal" },
    );

    await changePolicy(stack.admin, id, rule(23));
    await until(async () => (total += await served(24)) === 23, { what: "three more to be served" });
    expect(await served(24)).toBe(0);
    const ledger = await openDatabase({ url: database.url });
    expect(await compareAll(ledger)).toEqual([]);
    await ledger.close();
  },
  testMsMax,
);

test(
  "an explanation says that it would count, and against what; a dry run, which calls would",
  async () => {
    const asked = { keyId: keys[0]?.id, door: "MCP", server: "one", tool: "add" };
    await createPolicy(stack.admin, "some", {
      ...{ match: "call.tool == 'add'", limit: { measure: "CONCURRENT_CALLS", amount: "3" } },
    });
    expect(await explainCall(stack.admin, asked)).toMatchObject({
      isAllowed: true,
      policies: expect.arrayContaining([
        expect.objectContaining({ name: "some", verdict: "COUNTS", reason: "3 calls at a time" }),
      ]),
    });
    const file =
      "version: 1\npolicies:\n  - { name: from-a-file, limit: { measure: requests, amount: 5, window: minute } }\n";
    await until(
      async () => {
        type Shown = { name: string; after: { outcome: string; policy: string } };
        const { dryRun } = await stack.admin.run<{ dryRun: { effects: Shown[] } }>(
          `query ($file: String!) { dryRun(file: $file) { ... on DryRunSucceeded {
             effects { name after { outcome policy } } } ... on Refusal { message } } }`,
          { file },
        );
        const add = dryRun.effects.find(({ name }) => name === "one/add")?.after;
        return add?.outcome === "LIMITED" && add.policy === "from-a-file, some";
      },
      { what: "the dry run to tell of the tool" },
    );
  },
  testMsMax,
);
