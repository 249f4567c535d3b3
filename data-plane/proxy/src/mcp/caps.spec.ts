// Everything that can grow, grown: sessions that nobody ends, streams that nobody leaves, calls that wait for nobody, lists
// without end. Each has a limit, says so with a code of its own, and leaves no memory behind; and one key's share of it is
// bounded, so that nobody takes the gate from the others. TOLLGATE_TEST_SCALE makes the long ones longer.

import { randomBytes } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { testEnvironment } from "../../../../test/support/environment.ts";
import { legacyClient, openAsk, talk, type Talk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { bytesInUse } from "../fixtures/heap.ts";
import { beginEvents, event, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";
import { createSealer } from "../sealing/sealer.ts";
import { createSealingKeys } from "../sealing/sealing-keys.ts";
import { noCapabilities } from "./capability-set.ts";
import { ClientSessions, type ClientSession } from "./downstream/client-sessions.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { ask, at, key, post, server, startGate, startSession, started, team, until, viewWith } = fixture;

const { scale } = testEnvironment();
const long = { timeout: 60_000 * scale };
const agent = key(["*/*"]);
const other = key(["*/*"]);
const fine = (incoming: Incoming) => result(incoming, { content: [] });
const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const codeOf = ({ json }: { json: unknown }) =>
  at(json, "error", "data", "code") ?? at(json, "result", "_meta", "tollgate/code");

async function gateOver(settings: Record<string, string> = {}, onRequest = fine, offer: object = { tools: ["t"] }) {
  const upstream = started(await startUpstream({ offer, onRequest }));
  const servers = [server("s", upstream.url, { timeoutSeconds: 20 })];
  const resources = [team(), agent.resource, other.resource, ...servers];
  const gate = started(await startGate(viewWith(resources), settings));
  const use = async (headers: Record<string, string>) => (await post(`${gate.url}/mcp`, list, headers)).status;
  return { gate, upstream, servers, use };
}

describe("sessions", () => {
  test(`those that are opened and forgotten leave nothing behind (${2_000 * scale})`, long, async () => {
    const limits = { TOLLGATE_SESSIONS_MAX: "300", TOLLGATE_SESSIONS_PER_KEY_MAX: "200" };
    const { gate, upstream } = await gateOver(limits);
    const openSome = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const session = await startSession(gate, i % 2 === 0 ? agent : other);
        // Some have a session at the server.
        const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__t"}}';
        if (i % 10 === 0) await post(`${gate.url}/mcp`, call, session);
      }
    };
    await openSome(600);
    upstream.forget();
    const before = await bytesInUse();
    const count = 2_000 * scale;
    await openSome(count);
    expect(gate.gate.mcp.counts().sessions).toBe(300);
    upstream.forget();
    const perSession = ((await bytesInUse()) - before) / count;
    console.log(`bytes for each forgotten session: ${Math.round(perSession)}`);
    expect(perSession).toBeLessThan(800);
    await until(
      () => upstream.count("initialize") - upstream.count("DELETE") <= 40,
      "the server's sessions to be ended",
    );
  });

  test("of too many the one that was used longest ago goes, of the key's own and of all", async () => {
    const { gate, use } = await gateOver({ TOLLGATE_SESSIONS_MAX: "4", TOLLGATE_SESSIONS_PER_KEY_MAX: "3" });
    const open = () => startSession(gate, agent);
    const [first, second, third] = [await open(), await open(), await open()];
    expect(await use(first)).toBe(200);
    const fourth = await open();
    expect(await Promise.all([first, second, third, fourth].map(use))).toEqual([200, 404, 200, 200]);
    const others = [await startSession(gate, other), await startSession(gate, other)];
    expect(await Promise.all([first, third, fourth, ...others].map(use))).toEqual([404, 200, 200, 200, 200]);
    expect(gate.gate.mcp.counts().sessions).toBe(4);
  });

  test("one that is ended, unknown or another key's is not there for anything", async () => {
    const { gate, use } = await gateOver();
    const client = await legacyClient(gate, agent);
    const stranger = { ...client.headers, authorization: `Bearer ${other.text}` };
    const madeUp = { ...client.headers, "mcp-session-id": `${client.headers["mcp-session-id"]}A` };
    const nobody = async (headers: Record<string, string>) => {
      const accept = { ...headers, accept: "text/event-stream" };
      const notification = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
      const statuses = [await use(headers), (await post(`${gate.url}/mcp`, notification, headers)).status];
      for (const method of ["GET", "DELETE"])
        statuses.push((await talk(`${gate.url}/mcp`, { method, headers: accept })).status);
      expect(statuses).toEqual([404, 404, 404, 404]);
    };
    await nobody(stranger);
    await nobody(madeUp);
    expect(await use(client.headers)).toBe(200);
    const general = await client.listen();
    expect(await client.leave()).toBe(200);
    await until(() => general.isClosed(), "its stream to end");
    await nobody(client.headers);
    expect(gate.gate.mcp.counts()).toEqual({ sessions: 0, streams: 0, parked: 0 });
  });

  test("one that nobody used for long ends, whatever others are in use beside it", () => {
    const keys = createSealingKeys();
    keys.replace([{ id: 1, key: randomBytes(32), useFromMs: 0, acceptUntilMs: undefined }]);
    const sealer = createSealer({ keys, nowMs: Date.now, onRefused: () => undefined });
    const idleMs = 60_000;
    const sizes = { sessionsMax: 3, sessionsPerKeyMax: 10, streamKeptBytesMax: 1_000 };
    const limits = { ...sizes, sessionIdleMsMax: idleMs, sessionLifeMsMax: 10 * idleMs };
    const sessions = new ClientSessions(limits, sealer, Date.now, { proxyId: "", slot: 0, boot: "b", address: "" });
    const client = { era: "legacy", version: "2025-11-25", capabilities: noCapabilities, info: "" } as const;
    const open = (usedMsAgo: number): ClientSession => {
      const opened = sessions.open("k", client);
      if (opened.outcome !== "opened") throw new Error("not opened");
      opened.session.usedMs = performance.now() - usedMsAgo;
      return opened.session;
    };
    const busy = open(idleMs + 1);
    busy.underWay.set("1", () => undefined);
    const idle = open(idleMs - 1_000);
    sessions.endIdle();
    expect([busy.isEnded, idle.isEnded]).toEqual([false, false]);
    idle.usedMs -= 2_000;
    sessions.endIdle();
    expect([busy.isEnded, idle.isEnded]).toEqual([false, true]);
  });

  test("what is kept for a client that lost its streams is bounded for each session", long, async () => {
    const data = "x".repeat(500_000);
    const { gate } = await gateOver({}, ({ id, response }) => {
      event(beginEvents(response), { method: "notifications/message", params: { level: "error", data: 1 } });
      event(response, { id, result: { content: [{ type: "text", text: data }] } });
      response.end();
    });
    const client = await legacyClient(gate, agent);
    const callSome = async (count: number) => {
      for (let i = 0; i < count; i++) await client.ask("tools/call", { name: "s__t" });
    };
    await callSome(5);
    const before = await bytesInUse();
    await callSome(60);
    const more = (await bytesInUse()) - before;
    console.log(`kept after 60 answers of half a megabyte: ${Math.round(more / 1_000)} kB`);
    expect(more).toBeLessThan(5_000_000);
  });
});

describe("streams", () => {
  test(
    `there are so many for a key and in all; all are told, and none is forgotten (${1_000 * scale})`,
    long,
    async () => {
      const count = 1_000 * scale;
      const limits = {
        TOLLGATE_STREAMS_MAX: String(count),
        TOLLGATE_STREAMS_PER_KEY_MAX: String(count - 10),
        TOLLGATE_SESSIONS_PER_KEY_MAX: String(count),
      };
      const { gate, upstream } = await gateOver(limits);
      const listen = (who: { text: string }) =>
        openAsk(gate, who, "subscriptions/listen", { notifications: { toolsListChanged: true } });
      const streams: Talk[] = [];
      for (let i = 0; i < count - 10; i++)
        streams.push(i % 100 === 0 ? await (await legacyClient(gate, agent)).listen() : await listen(agent));
      for (const refused of [await listen(agent), await (await legacyClient(gate, agent)).listen()]) {
        await until(() => refused.messages.length === 1, "the refusal");
        expect([refused.status, codeOf({ json: refused.messages[0] })]).toEqual([429, "mcp.streams-full"]);
      }
      for (let i = 0; i < 10; i++) streams.push(await listen(other));
      expect((await listen(other)).status).toBe(429);
      expect(gate.gate.mcp.counts().streams).toBe(count);
      upstream.offer.tools = ["t", "u"];
      upstream.tell("notifications/tools/list_changed");
      const isTold = ({ messages }: Talk) =>
        messages.some((message) => at(message, "method") === "notifications/tools/list_changed");
      await until(() => streams.every(isTold), "all to be told");
      streams.pop()?.close();
      await until(() => gate.gate.mcp.counts().streams === count - 1, "a place to be free");
      expect((await listen(other)).status).toBe(200);
      for (const stream of streams) stream.close();
      await until(() => gate.gate.mcp.counts().streams <= 1, "the places to be free");
    },
  );

  test("those of a revoked key end, those of others stay, and its sessions are gone", async () => {
    const { gate, servers } = await gateOver();
    const openBoth = async (who: { text: string }) => {
      const modern = await openAsk(gate, who, "subscriptions/listen", { notifications: { toolsListChanged: true } });
      return [modern, await (await legacyClient(gate, who)).listen()];
    };
    const revoked = await openBoth(agent);
    const kept = await openBoth(other);
    gate.show(viewWith([team(), other.resource, ...servers], 2n));
    await until(() => revoked.every((stream) => stream.isClosed()), "the key's streams to end");
    expect(kept.map((stream) => stream.isClosed())).toEqual([false, false]);
    expect(gate.gate.mcp.counts()).toMatchObject({ sessions: 1, streams: 2 });
  });

  test("a session has one stream of its own: a second takes the place of the first", async () => {
    const { gate } = await gateOver();
    const client = await legacyClient(gate, agent);
    const [first, second] = [await client.listen(), await client.listen()];
    await until(() => first.isClosed(), "the first to end");
    await until(() => gate.gate.mcp.counts().streams === 1, "one place to be taken");
    expect(second.isClosed()).toBe(false);
  });
});

describe("calls that wait for their clients", () => {
  const question = { method: "elicitation/create", params: { message: "?", requestedSchema: { type: "object" } } };
  const asking = ({ response }: Incoming) => event(beginEvents(response), { id: "q", ...question });
  const call = (gate: { url: string }, who: { text: string }) =>
    ask(gate, who.text, "tools/call", { name: "s__t" }, { capabilities: { elicitation: {} } });

  test("one key does not take the places of all", async () => {
    const limits = { TOLLGATE_PARKED_CALLS_MAX: "6", TOLLGATE_PARKED_CALLS_PER_KEY_MAX: "4" };
    const { gate } = await gateOver(limits, asking);
    const outcomes = [];
    for (let i = 0; i < 6; i++) outcomes.push(codeOf(await call(gate, agent)));
    expect(outcomes).toEqual([...Array(4).fill(undefined), "mcp.calls-full", "mcp.calls-full"]);
    expect([codeOf(await call(gate, other)), codeOf(await call(gate, other))]).toEqual([undefined, undefined]);
    expect(codeOf(await call(gate, other))).toBe("mcp.calls-full");
  });

  test(`those whose clients never come back leave nothing behind (${200 * scale})`, long, async () => {
    const { gate, upstream } = await gateOver({ TOLLGATE_PARKED_MS_MAX: "200" }, asking);
    const callSome = async (count: number) => {
      for (let i = 0; i < count; i += 25) {
        const answers = await Promise.all(Array.from({ length: 25 }, () => call(gate, agent)));
        expect(answers.map(codeOf)).toEqual(Array(25).fill(undefined));
      }
      await until(() => gate.gate.mcp.counts().parked === 0, "all to be given up");
    };
    const count = 200 * scale;
    // The first ones make the connections that all use.
    await callSome(count);
    upstream.forget();
    const before = await bytesInUse();
    await callSome(count);
    const told = () => upstream.count("notifications/cancelled") === 2 * count;
    await until(told, "the server to be told of each");
    upstream.forget();
    gate.facts.splice(0);
    const perCall = ((await bytesInUse()) - before) / count;
    console.log(`bytes for each call that nobody came for: ${Math.round(perCall)}`);
    expect(perCall).toBeLessThan(5_000);
  });
});

describe("sessions at servers", () => {
  test("a client that says it can do something else each time has bounded many", async () => {
    const { gate, upstream } = await gateOver();
    for (let i = 0; i < 60; i++)
      await ask(
        gate,
        agent.text,
        "tools/call",
        { name: "s__t" },
        { capabilities: { experimental: { [`x${i}`]: {} } } },
      );
    const open = () => upstream.count("initialize") - upstream.count("DELETE");
    await until(() => open() <= 18, "those that were used longest ago to be ended");
    expect(upstream.count("tools/call")).toBe(60);
  });
});

describe("lists", () => {
  const toolsOf = (answer: fixture.Answer) => {
    const tools = at(answer.json, "result", "tools");
    return Array.isArray(tools) ? tools.map((tool: object) => String(at(tool, "name"))) : [];
  };

  test("a long one comes in pages, and what changes between two of them takes nothing else away", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `tool-${String(index).padStart(2, "0")}`);
    const { gate, upstream } = await gateOver({ TOLLGATE_LIST_BYTES_MAX: "500" }, fine, { tools: names });
    const page = (cursor?: unknown) => ask(gate, agent.text, "tools/list", cursor === undefined ? {} : { cursor });
    const rest = async (seen: string[], cursor: unknown): Promise<string[]> => {
      const answer = cursor === undefined ? undefined : await page(cursor);
      return answer === undefined ? seen : rest([...seen, ...toolsOf(answer)], at(answer.json, "result", "nextCursor"));
    };
    const first = await page();
    const cursor = at(first.json, "result", "nextCursor");
    expect(await rest(toolsOf(first), cursor)).toEqual(names.map((name) => `s__${name}`));
    // The last of the first page goes: who turns the page misses none of those that are there.
    const gone = toolsOf(first).at(-1)?.slice("s__".length);
    upstream.offer.tools = names.filter((name) => name !== gone);
    upstream.tell("notifications/tools/list_changed");
    await until(async () => !toolsOf(await page()).includes(`s__${gone}`), "the change");
    expect(await rest(toolsOf(first), cursor)).toEqual(names.map((name) => `s__${name}`));
    for (const wrong of ["", "x", `${String(cursor)}A`, 7])
      expect(codeOf(await page(wrong))).toBe("mcp.cursor-invalid");
    expect(codeOf(await ask(gate, other.text, "tools/list", { cursor }))).toBe("mcp.cursor-invalid");
    expect(codeOf(await ask(gate, agent.text, "prompts/list", { cursor }))).toBe("mcp.cursor-invalid");
  });

  test("a server whose list is beyond a bound is left out, and the others' tools are there", async () => {
    const tools = Array.from({ length: 200 }, (_, index) => `tool-${index}`);
    const large = started(await startUpstream({ offer: { tools } }));
    const endless = started(
      await startUpstream({
        offer: { tools: ["t"] },
        onAny(incoming) {
          if (incoming.method === "tools/list") result(incoming, { tools: [], nextCursor: String(Math.random()) });
          return incoming.method === "tools/list";
        },
      }),
    );
    const small = started(await startUpstream({ offer: { tools: ["t"] } }));
    const servers = [server("large", large.url), server("endless", endless.url), server("small", small.url)];
    for (const limit of ["TOOLS_MAX", "BYTES_MAX"]) {
      const settings = { [`TOLLGATE_LIST_SERVER_${limit}`]: limit === "TOOLS_MAX" ? "100" : "5000" };
      const gate = started(await startGate(viewWith([team(), agent.resource, ...servers]), settings));
      expect(toolsOf(await ask(gate, agent.text, "tools/list"))).toEqual(["small__t"]);
      const health = servers.map(({ id }) => gate.gate.mcp.catalogues.of(id)?.health);
      expect(health.map((one) => one?.code)).toEqual(["upstream.too-large", "upstream.too-large", undefined]);
    }
  });
});
