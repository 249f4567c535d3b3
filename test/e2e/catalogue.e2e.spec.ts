// What proxies find out of the servers behind them, as an admin and as agents see it, through two proxies of two workers each.
// An admin who cannot see that a tool's text changed cannot refuse it; a pinned server that shows a text before its approval
// makes the approval worthless; a fleet that disagrees about a server would show a change where there is none; and a
// watcher that dies must cost no agent its tools.

import { afterAll, beforeAll, expect, test } from "vitest";
import { at } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { commandOf, startFixture } from "../conformance/fixture.ts";
import {
  approveTools,
  mustSucceed,
  readServer,
  toolNamed,
  withdrawToolApproval,
  type SeenServer,
} from "../support/catalogue-operations.ts";
import { createDatabase } from "../support/database.ts";
import { mcpClient, timesTold, type McpClient } from "../support/mcp-client.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { freePorts } from "../support/ports.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const testMsMax = 180_000;
const soon = { timeoutMs: 60_000 };
const proxies = [0, 1] as const;

const held = new AsyncDisposableStack();
let stack: Stack;
let teamId: string;
beforeAll(async () => {
  const database = held.use(await createDatabase("catalogue_e2e"));
  stack = held.use(await startStack({ databaseUrl: database.url, proxies: 2, env: { TOLLGATE_PROXY_WORKERS: "2" } }));
  ({ id: teamId } = await createTeam(stack.admin, "watching"));
}, testMsMax);
afterAll(() => held.disposeAsync(), testMsMax);

/** A client at each proxy, of a key that reaches the whole server. */
async function clientsOf(server: string): Promise<McpClient[]> {
  const { secret } = await issueKey(stack.admin, { name: `of-${server}`, teamId, tools: [`${server}/*`] });
  const clients = proxies.map((index) => mcpClient(stack.proxy(index).url, secret));
  for (const client of clients)
    await until(async () => (await client.ask("tools/list")).status === 200, { what: "the key to be known", ...soon });
  return clients;
}

/** As both proxies, and both workers of each, show it. */
async function untilShown(clients: readonly McpClient[], name: string, isShown = true): Promise<void> {
  for (const client of clients)
    for (let worker = 0; worker < 4; worker++)
      await until(async () => (await client.toolNames()).includes(name) === isShown, {
        what: `${name} to be ${isShown ? "shown" : "hidden"}`,
        ...soon,
      });
}

const untilSeen = (id: string, what: string, holds: (server: SeenServer) => boolean): Promise<SeenServer> =>
  until(
    async () => {
      const server = await readServer(stack.admin, id);
      return holds(server) ? server : undefined;
    },
    { what, ...soon },
  );

const isConnected = ({ health, listing }: SeenServer): boolean =>
  listing !== null && health.length === 2 && health.every(({ state }) => state === "CONNECTED");

test("servers of both eras, and a program, appear with health, era and tools", { timeout: testMsMax }, async () => {
  for (const era of ["modern", "legacy"] as const) {
    await using fixture = await startFixture({ era, transport: "http" });
    const { id } = await registerServer(stack.admin, { name: `seen-${era}`, url: fixture.url });
    const seen = await untilSeen(id, `${era} to be seen by both`, isConnected);
    expect(seen.health.map((one) => one.era)).toEqual([era.toUpperCase(), era.toUpperCase()]);
    expect(seen.listing).toMatchObject({ era: era.toUpperCase(), name: `tollgate-fixture-${era}` });
    const tool = toolNamed(
      (await untilSeen(id, "definitions", ({ tools }) => tools.nodes.every(({ definition }) => definition !== null)))
        .tools,
      "test_simple_text",
    );
    expect(JSON.parse(tool.definition ?? "")).toMatchObject({ name: "test_simple_text" });
    expect(tool).toMatchObject({ previousSha256: null, difference: null, isApproved: false });
  }
  const { command, args } = commandOf({ era: "modern", transport: "stdio" });
  const { id } = await registerServer(stack.admin, {
    ...{ name: "seen-program", transport: "STDIO", allowPrivateNetwork: false, command: [command, ...args] },
  });
  const seen = await untilSeen(id, "the program to be seen by both", isConnected);
  expect(seen.listing).toMatchObject({ era: "MODERN", protocolVersion: "2026-07-28" });
});

test.each(["modern", "legacy"] as const)(
  "a changed tool of a %s server is told to who listens, and shown with its difference",
  { timeout: testMsMax },
  async (era) => {
    await using fixture = await startFixture({ era, transport: "http" });
    const name = `changing-${era}`;
    const { id } = await registerServer(stack.admin, { name, url: fixture.url });
    const clients = await clientsOf(name);
    await untilShown(clients, `${name}__test_simple_text`);
    const before = await untilSeen(id, "it to be seen", isConnected);
    const listening = await Promise.all(clients.map((client) => client.listen()));

    await fixture.control("toggle-tool");
    for (const talk of listening) await until(() => timesTold(talk) > 0, { what: "the new tool to be told", ...soon });
    await untilShown(clients, `${name}__dynamic_tool`);
    // An answer reads its parts one after another, so the time of the change may come with the next one only.
    const changedAt = ({ listing }: SeenServer): number => Date.parse(listing?.lastChange ?? "");
    await untilSeen(
      id,
      "the new tool, and when it came",
      (seen) => seen.tools.nodes.some((t) => t.name === "dynamic_tool") && changedAt(seen) > changedAt(before),
    );

    // Taken away, and put back with another text.
    const former = toolNamed(before.tools, "test_simple_text");
    const told = listening.map((talk) => timesTold(talk));
    await fixture.control("toggle-tool", { name: "test_simple_text" });
    await fixture.control("toggle-tool", { name: "test_simple_text" });
    for (const [index, talk] of listening.entries())
      await until(() => timesTold(talk) > (told[index] ?? 0), { what: "the other text to be told", ...soon });
    const changed = toolNamed(
      (
        await untilSeen(id, "the difference", ({ tools }) =>
          tools.nodes.some((tool) => tool.name === "test_simple_text" && tool.difference !== null),
        )
      ).tools,
      "test_simple_text",
    );
    expect(changed.previousSha256).toBe(former.sha256);
    expect(changed.firstSeen).toBe(former.firstSeen);
    expect(changed.difference?.changes).toContainEqual({
      path: "/description",
      before: JSON.stringify(at(JSON.parse(former.definition ?? "null"), "description")),
      after: '"Came while the server was running."',
    });
    for (const client of clients)
      expect(await client.callText(`${name}__test_simple_text`)).toBe("test_simple_text was called.");
  },
);

test(
  "of a pinned server nothing is shown or called before its text was approved, nor after it changed",
  { timeout: testMsMax },
  async () => {
    await using fixture = await startFixture({ era: "modern", transport: "http" });
    const { id } = await registerServer(stack.admin, { name: "pinned", url: fixture.url, catalogue: "PINNED" });
    const clients = await clientsOf("pinned");
    const tool = "test_simple_text";
    const shown = `pinned__${tool}`;
    const untilCallable = async (isCallable: boolean): Promise<void> => {
      await untilShown(clients, shown, isCallable);
      const code = isCallable ? undefined : "mcp.tool-unknown";
      for (const client of clients)
        for (let worker = 0; worker < 2; worker++) expect(await client.callCode(shown)).toBe(code);
    };
    const first = toolNamed(
      (await untilSeen(id, "what is pending", (seen) => isConnected(seen) && seen.pendingTools.nodes.length > 10))
        .pendingTools,
      tool,
    );
    await untilCallable(false);
    expect(await clients[0]?.toolNames()).toEqual([]);

    const listening = await Promise.all(clients.map((client) => client.listen()));
    const [firstListening] = listening;
    await mustSucceed(approveTools(stack.admin, id, [first]));
    for (const talk of listening) await until(() => timesTold(talk) > 0, { what: "the approval to be told", ...soon });
    await untilCallable(true);
    expect(await clients[0]?.toolNames()).toEqual([shown]);

    // A tool that is new is nobody's to see, and no reason to read the list again.
    const toldOfFirst = firstListening && timesTold(firstListening);
    await fixture.control("toggle-tool");
    await untilSeen(id, "the new tool to be pending", (seen) =>
      seen.pendingTools.nodes.some(({ name }) => name === "dynamic_tool"),
    );
    expect(await clients[0]?.toolNames()).toEqual([shown]);
    expect(await clients[0]?.callCode("pinned__dynamic_tool")).toBe("mcp.tool-unknown");
    expect(firstListening && timesTold(firstListening)).toBe(toldOfFirst);

    await fixture.control("toggle-tool", { name: tool });
    await fixture.control("toggle-tool", { name: tool });
    const second = toolNamed(
      (
        await untilSeen(id, "the other text to be pending", (seen) =>
          seen.pendingTools.nodes.some((pending) => pending.name === tool && pending.difference !== null),
        )
      ).pendingTools,
      tool,
    );
    await untilCallable(false);
    expect(second.difference?.changes).toContainEqual({
      path: "/description",
      before: JSON.stringify(at(JSON.parse(first.definition ?? "null"), "description")),
      after: '"Came while the server was running."',
    });
    expect((await approveTools(stack.admin, id, [first])).__typename).toBe("ToolChanged");
    await untilCallable(false);
    await mustSucceed(approveTools(stack.admin, id, [second]));
    await untilCallable(true);

    await mustSucceed(withdrawToolApproval(stack.admin, id, tool));
    await untilCallable(false);
    expect(toolNamed((await readServer(stack.admin, id)).pendingTools, tool).sha256).toBe(second.sha256);
  },
);

test("a server that dies is unreachable for a reason, and comes back by itself", { timeout: testMsMax }, async () => {
  const [port = 0] = await freePorts(1);
  const { command, args } = commandOf({ era: "modern", transport: "http" });
  const start = async (): Promise<RunningProcess> => {
    const started = await startProcess({ name: "mortal server", command, args: [...args, "--port", String(port)] });
    await started.waitForLine(/"url"/);
    return started;
  };
  await using mortal = await start();
  const { id } = await registerServer(stack.admin, { name: "mortal", url: `http://127.0.0.1:${port}/mcp` });
  const clients = await clientsOf("mortal");
  await untilShown(clients, "mortal__test_simple_text");
  const alive = await untilSeen(id, "it to be seen", isConnected);

  mortal.kill("SIGKILL");
  const dead = await untilSeen(id, "it to be unreachable", ({ health }) =>
    health.every(({ state }) => state === "UNREACHABLE"),
  );
  for (const { reason } of dead.health) expect(reason).not.toBe("");
  await untilShown(clients, "mortal__test_simple_text", false);
  expect(toolNamed(dead.tools, "test_simple_text").sha256).toBe(toolNamed(alive.tools, "test_simple_text").sha256);

  await using _again = await start();
  const back = await untilSeen(id, "it to be back", isConnected);
  expect(back.health.map(({ reason }) => reason)).toEqual(["", ""]);
  expect(back.listing?.lastChange, "that it was away is no change of what it has").toBe(alive.listing?.lastChange);
  await untilShown(clients, "mortal__test_simple_text");
  for (const client of clients) expect(await client.callText("mortal__test_simple_text")).toContain("simple text");
});

test(
  "two proxies that report the same server agree: nothing flaps, not even after a restart",
  { timeout: testMsMax },
  async () => {
    await using fixture = await startFixture({ era: "legacy", transport: "http" });
    const { id } = await registerServer(stack.admin, { name: "agreed", url: fixture.url });
    const clients = await clientsOf("agreed");
    await untilShown(clients, "agreed__test_simple_text");
    await untilSeen(id, "it to be seen by both", isConnected);

    // Every state that an admin could have seen, while the server changes under two watchers.
    const states: string[] = [];
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) {
        const { tools } = await readServer(stack.admin, id);
        const state = tools.nodes
          .map(({ name }) => name)
          .filter((name) => name.startsWith("round_"))
          .join(" ");
        if (states.at(-1) !== state) states.push(state);
      }
    })();
    await using _ = { [Symbol.asyncDispose]: () => (over.abort(), looking) };
    const rounds = ["round_1", "round_2", "round_3", "round_4"];
    for (const name of rounds) {
      await fixture.control("toggle-tool", { name });
      await untilShown(clients, `agreed__${name}`);
      await untilSeen(id, name, ({ tools }) => tools.nodes.some((tool) => tool.name === name));
    }
    const settled = await untilSeen(id, "all definitions", ({ tools }) =>
      tools.nodes.every(({ definition }) => definition !== null),
    );
    await stack.proxy(1).stop("SIGTERM");
    await stack.proxy(1).start();
    await untilShown(clients, "agreed__round_4");
    const sinces = ({ health }: SeenServer): string => health.map(({ since }) => since).join(" ");
    await untilSeen(
      id,
      "the one that began anew to have reported",
      (server) => isConnected(server) && sinces(server) !== sinces(settled),
    );
    over.abort();
    await looking;
    expect(states).toEqual(["", ...rounds.map((_, index) => rounds.slice(0, index + 1).join(" "))]);
    const after = await readServer(stack.admin, id);
    expect(after.listing?.lastChange).toBe(settled.listing?.lastChange);
    expect(after.tools).toEqual(settled.tools);
  },
);
