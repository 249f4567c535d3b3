// Tool groups as admins make them and agents meet them, through a proxy of two workers: an endpoint that shows more than group and
// key together allow hands out what nobody granted, one that shows it under other names breaks prompts that were
// written against it, and an admin who moves a server must not cost its users a call.

import { randomBytes } from "node:crypto";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyClient } from "../../data-plane/proxy/src/fixtures/client-fixture.ts";
import { at, post } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import {
  changeServer,
  changeTeam,
  changeToolGroup,
  createToolGroup,
  mustSucceed,
} from "../support/catalogue-operations.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpClient, timesTold, type McpClient } from "../support/mcp-client.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const testMsMax = 120_000;
const soon = { timeoutMs: 60_000 };

const held = new AsyncDisposableStack();
let stack: Stack;
let teamId: string;
beforeAll(async () => {
  const database = held.use(await createDatabase("groups_e2e"));
  stack = held.use(await startStack({ databaseUrl: database.url, env: { TOLLGATE_PROXY_WORKERS: "2" } }));
  ({ id: teamId } = await createTeam(stack.admin, "grouped"));
  const one = held.use(await startExampleMcp());
  const two = held.use(await startExampleMcp({ ERA: "modern" }));
  await registerServer(stack.admin, { name: "one", url: one.url });
  await registerServer(stack.admin, { name: "two", url: two.url });
}, testMsMax);
afterAll(() => held.disposeAsync(), testMsMax);

const clientAt = (key: string, path = "/mcp"): McpClient => mcpClient(stack.proxy().url, key, path);

/** As both workers show it. */
async function untilNames(client: McpClient, names: readonly string[]): Promise<void> {
  for (let worker = 0; worker < 4; worker++)
    await until(async () => String(await client.toolNames()) === String([...names].sort()), {
      what: `exactly ${names.join(", ") || "nothing"} to be listed`,
      ...soon,
    });
}

type ConfigurationAnswer = { readonly __typename: string };

async function applyConfiguration(file: string, variables: object[] = []): Promise<void> {
  const { applyConfiguration: answer } = await stack.admin.run<{ applyConfiguration: ConfigurationAnswer }>(
    `mutation ($file: String!, $variables: [ConfigurationVariable!]) {
       applyConfiguration(file: $file, variables: $variables) { __typename ... on Refusal { message } } }`,
    { file, variables },
  );
  expect(answer, file).toEqual({ __typename: "ApplyConfigurationSucceeded" });
}

describe.each(["GraphQL", "tollgate.yaml"] as const)("groups by %s", (way) => {
  const prefix = way === "GraphQL" ? "graph" : "file";
  const named = (name: string): string => `${prefix}-${name}`;
  const groups = [
    { name: named("auto-one"), tools: ["one/add", "one/echo"] },
    { name: named("auto-two"), tools: ["one/add", "two/*"] },
    { name: named("always"), tools: ["one/add"], naming: "ALWAYS" },
    { name: named("plain"), tools: ["one/add", "two/echo"], naming: "NONE" },
    { name: named("legacy"), tools: ["one/add"], eras: ["LEGACY"] },
    { name: named("modern"), tools: ["one/add"], eras: ["MODERN"] },
  ] as const;
  /** Reaches everything, and what the group `auto-two` grants. */
  let all: string;
  let some: string;

  beforeAll(async () => {
    if (way === "GraphQL") {
      for (const group of groups) await createToolGroup(stack.admin, group);
      all = (await issueKey(stack.admin, { name: named("all"), teamId })).secret;
      const tools: string[] = [];
      const given = { name: named("some"), teamId, tools, toolGroups: [named("auto-two")] };
      some = (await issueKey(stack.admin, given)).secret;
    } else {
      const key = (): string => formatKey("key", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));
      [all, some] = [key(), key()];
      const lines = groups.map(({ name, tools, ...more }) => {
        const naming = "naming" in more ? `, naming: ${more.naming.toLowerCase()}` : "";
        const eras = "eras" in more ? `, eras: [${String(more.eras).toLowerCase()}]` : "";
        return `  - { name: ${name}, tools: ${JSON.stringify(tools)}${naming}${eras} }`;
      });
      const file = `version: 1
toolGroups:
${lines.join("\n")}
teams:
  - { name: ${named("team")} }
keys:
  - { name: ${named("all")}, team: ${named("team")}, secret: { env: ALL }, tools: ["*/*"] }
  - { name: ${named("some")}, team: ${named("team")}, secret: { env: SOME }, tools: [group:${named("auto-two")}] }
`;
      const variables = [
        { name: "ALL", value: all },
        { name: "SOME", value: some },
      ];
      await applyConfiguration(file, variables);
    }
  }, testMsMax);

  test("an endpoint shows exactly its tools, under its names, and calls no other", { timeout: testMsMax }, async () => {
    await untilNames(
      clientAt(all),
      ["add", "echo", "slow"].flatMap((tool) => [`one__${tool}`, `two__${tool}`]),
    );
    const shown = (name: string): McpClient => clientAt(all, `/mcp/${named(name)}`);
    await untilNames(shown("auto-one"), ["add", "echo"]);
    await untilNames(shown("auto-two"), ["one__add", "two__add", "two__echo", "two__slow"]);
    await untilNames(shown("always"), ["one__add"]);
    await untilNames(shown("plain"), ["add", "echo"]);
    expect(await shown("auto-one").callText("add", { a: 1, b: 2 })).toBe("3");
    expect(await shown("auto-two").callText("one__add", { a: 1, b: 2 })).toBe("3");
    expect(await shown("plain").callText("echo", { said: "by two" })).toBe('{"said":"by two"}');
    expect(await shown("auto-one").callCode("slow", { ms: 0 })).toBe("mcp.tool-unknown");
    expect(await shown("auto-one").callCode("one__add")).toBe("mcp.tool-unknown");
    expect(await shown("always").callCode("two__add")).toBe("mcp.tool-unknown");
  });

  test(
    "a key sees of an endpoint what it is granted itself, and a group in its grant counts",
    { timeout: testMsMax },
    async () => {
      await untilNames(clientAt(some), ["one__add", "two__add", "two__echo", "two__slow"]);
      await untilNames(clientAt(some, `/mcp/${named("auto-two")}`), ["one__add", "two__add", "two__echo", "two__slow"]);
      await untilNames(clientAt(some, `/mcp/${named("auto-one")}`), ["add"]);
      await untilNames(clientAt(some, `/mcp/${named("plain")}`), ["add", "echo"]);
      expect(await clientAt(some, `/mcp/${named("auto-one")}`).callCode("echo")).toBe("mcp.tool-unknown");
      expect(await clientAt(some).callCode("one__echo")).toBe("mcp.tool-unknown");
    },
  );

  test("an endpoint serves the eras that it is for", { timeout: testMsMax }, async () => {
    const initialize = JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "spec", version: "1" } },
    });
    const headers = { accept: "application/json, text/event-stream", authorization: `Bearer ${all}` };
    const legacyAt = (name: string) => post(`${stack.proxy().url}/mcp/${named(name)}`, initialize, headers);
    const modernAt = (name: string) => clientAt(all, `/mcp/${named(name)}`).ask("server/discover");
    expect(at((await legacyAt("legacy")).json, "result", "protocolVersion")).toBe("2025-11-25");
    expect((await modernAt("legacy")).message).toMatchObject({
      error: { code: -32022, data: { supported: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] } },
    });
    expect((await legacyAt("modern")).json).toMatchObject({
      error: { code: -32022, data: { supported: ["2026-07-28"] } },
    });
    const { message } = await modernAt("modern");
    expect(at(message, "result", "supportedVersions")).toEqual(["2026-07-28"]);
  });

  test(
    "an endpoint that there is not, or in which a key reaches nothing, is unknown",
    { timeout: testMsMax },
    async () => {
      const { secret } = await issueKey(stack.admin, { name: named("other"), teamId, tools: ["three/*"] });
      await until(async () => (await clientAt(secret).ask("tools/list")).status === 200, { what: "the key", ...soon });
      for (const client of [clientAt(all, "/mcp/nowhere"), clientAt(secret, `/mcp/${named("always")}`)]) {
        const { status, message } = await client.ask("tools/list");
        expect(status).toBe(404);
        expect(at(message, "error", "data", "code")).toBe("mcp.group-unknown");
      }
    },
  );
});

test(
  "a group that changes while clients of both eras listen is told to them, and to nobody else",
  { timeout: testMsMax },
  async () => {
    const { id } = await createToolGroup(stack.admin, { name: "living", tools: ["one/add"] });
    const { secret } = await issueKey(stack.admin, { name: "living", teamId, tools: [], toolGroups: ["living"] });
    const { secret: bystander } = await issueKey(stack.admin, { name: "bystander", teamId });
    const client = clientAt(secret, "/mcp/living");
    await untilNames(client, ["add"]);
    await untilNames(
      clientAt(bystander),
      ["add", "echo", "slow"].flatMap((tool) => [`one__${tool}`, `two__${tool}`]),
    );
    const modern = await client.listen();
    const other = await clientAt(bystander).listen();
    const agent = await legacyClient(stack.proxy(), { text: secret }, { path: "/mcp/living" });
    const legacy = await agent.listen();
    await mustSucceed(changeToolGroup(stack.admin, { id, tools: ["one/add", "one/echo"] }));
    for (const talk of [modern, legacy])
      await until(() => timesTold(talk) > 0, { what: "the change to be told", ...soon });
    await untilNames(client, ["add", "echo"]);
    expect(at((await agent.ask("tools/list")).json, "result", "tools")).toHaveLength(2);
    await mustSucceed(changeToolGroup(stack.admin, { id, naming: "ALWAYS" }));
    for (const talk of [modern, legacy])
      await until(() => timesTold(talk) > 1, { what: "other names to be told", ...soon });
    await untilNames(client, ["one__add", "one__echo"]);
    expect(timesTold(other)).toBe(0);
  },
);

test(
  "a team bounds its keys, by patterns and by groups, and takes bounds away again",
  { timeout: testMsMax },
  async () => {
    const { id: boundTeam } = await createTeam(stack.admin, "bounded");
    const { secret } = await issueKey(stack.admin, { name: "bounded", teamId: boundTeam, tools: ["one/*", "two/add"] });
    await createToolGroup(stack.admin, { name: "bounds", tools: ["two/*"] });
    const client = clientAt(secret);
    await untilNames(client, ["one__add", "one__echo", "one__slow", "two__add"]);
    const listening = await client.listen();
    await mustSucceed(changeTeam(stack.admin, { id: boundTeam, tools: ["*/add"] }));
    await untilNames(client, ["one__add", "two__add"]);
    await until(() => timesTold(listening) > 0, { what: "the bound to be told", ...soon });
    expect(await client.callCode("one__echo")).toBe("mcp.tool-unknown");
    await mustSucceed(changeTeam(stack.admin, { id: boundTeam, tools: [], toolGroups: ["bounds"] }));
    await untilNames(client, ["two__add"]);
    expect(await client.callCode("one__add")).toBe("mcp.tool-unknown");
    await mustSucceed(changeTeam(stack.admin, { id: boundTeam, toolGroups: [] }));
    await untilNames(client, ["one__add", "one__echo", "one__slow", "two__add"]);
  },
);

const legacyServer = { SESSIONS: "1" };
const modernServer = { ERA: "modern" };
test.each([
  ["legacy to legacy", legacyServer, legacyServer],
  ["modern to modern", modernServer, modernServer],
  ["legacy to modern", legacyServer, modernServer],
  ["modern to legacy", modernServer, legacyServer],
] as const)(
  "a server that an admin moves under load, from %s, costs nobody a call",
  { timeout: testMsMax },
  async (move, from, to) => {
    const name = `moved-${move.replaceAll(" ", "-")}`;
    await using former = await startExampleMcp(from);
    await using latter = await startExampleMcp(to);
    const { id } = await registerServer(stack.admin, { name, url: former.url });
    const { secret } = await issueKey(stack.admin, { name, teamId, tools: [`${name}/*`] });
    const client = clientAt(secret);
    const prefix = (await until(async () => (await client.toolNames())[0], { what: "its tools", ...soon })).replace(
      /__.*/,
      "",
    );
    await untilNames(
      client,
      ["add", "echo", "slow"].map((tool) => `${prefix}__${tool}`),
    );
    const agents = await Promise.all([0, 1].map(() => legacyClient(stack.proxy(), { text: secret })));
    const callsAt = async ({ url }: { url: string }): Promise<number> =>
      ((await (await fetch(new URL("/seen", url))).json()) as { calls: number }).calls; // Its own shape.

    const failures: string[] = [];
    let calls = 0;
    const over = new AbortController();
    const load = async (call: () => Promise<string>): Promise<void> => {
      for (; !over.signal.aborted; calls++) {
        const text = await call().catch(String);
        if (!text.includes('"said":"it"') && !text.includes('\\"said\\":\\"it\\"')) failures.push(text);
      }
    };
    const asked = { name: `${prefix}__echo`, arguments: { said: "it" } };
    const loads = [
      ...[0, 1].map(() => load(() => client.callText(asked.name, asked.arguments))),
      ...agents.map((agent) => load(async () => (await agent.ask("tools/call", asked)).text)),
    ];
    await using _ = { [Symbol.asyncDispose]: async () => (over.abort(), void (await Promise.all(loads))) };
    // It is under way at the former address when that is no longer the server's.
    const slow = client.callText(`${prefix}__slow`, { ms: 3_000 });
    await until(async () => (await callsAt(former)) > 20, { what: "the load", ...soon });
    await mustSucceed(changeServer(stack.admin, { id, url: latter.url }));
    await until(async () => (await callsAt(latter)) > 50, { what: "the load at the new address", ...soon });
    expect(await slow).toBe("waited 3000 ms");
    const stayed = await callsAt(former);
    const until100 = (await callsAt(latter)) + 50;
    await until(async () => (await callsAt(latter)) > until100, { what: "more load at the new address", ...soon });
    expect(await callsAt(former), "nothing goes to the former address any more").toBe(stayed);
    over.abort();
    await Promise.all(loads);
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(100);
  },
);
