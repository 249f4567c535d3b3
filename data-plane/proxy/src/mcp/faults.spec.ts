// Servers in every kind of trouble behind one gate: dead, slow, flooding, talking garbage, coming and going. Whatever one of
// them does, the lists and calls of the others go on as if it were not there, its own calls end in an error that names it, and
// what it had comes back by itself. Without this, one bad server takes the tools of all from every agent.

import { describe, expect, test, vi } from "vitest";
import { legacyClient, openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { beginEvents, event, failure, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { ask, at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const namesIn = (answer: fixture.Answer): unknown => {
  const tools = at(answer.json, "result", "tools");
  return Array.isArray(tools) ? tools.map((tool: object) => at(tool, "name")) : tools;
};
const listOf = async (gate: { url: string }) => namesIn(await ask(gate, agent.text, "tools/list"));
const callNow = (gate: { url: string }, name: string) => ask(gate, agent.text, "tools/call", { name, arguments: {} });
const never = (): boolean => true;
const fine = (incoming: Incoming) => result(incoming, { content: [], isFine: true });

/** Without waiting for any server to be met. */
async function gateOver(servers: readonly fixture.Resource[], settings: Record<string, string> = {}) {
  const gate = started(await startGate(undefined, settings));
  gate.show(viewWith([team(), agent.resource, ...servers]));
  return gate;
}

/** The text of an `isError` result, with the gate's code. */
const failureIn = ({ json }: fixture.Answer) => ({
  isError: at(json, "result", "isError"),
  code: at(json, "result", "_meta", "tollgate/code"),
  text: String(at(json, "result", "content", 0, "text")),
});

async function deadUrl(): Promise<string> {
  const gone = await startUpstream();
  await gone.stop();
  return gone.url;
}

describe("a server that is not there", () => {
  test("dead and slow servers delay no list and no call of another; a call to a dead one names it", async () => {
    const slow = started(await startUpstream({ offer: { tools: ["t"] }, onAny: never }));
    const sound = started(await startUpstream({ offer: { tools: ["t"] }, onRequest: fine }));
    const gate = await gateOver([
      server("dead", await deadUrl()),
      server("slow", slow.url, { timeoutSeconds: 30 }),
      server("sound", sound.url),
    ]);
    await until(async () => String(await listOf(gate)) === "sound__t", "the sound server's tools");
    const beganMs = performance.now();
    expect(await listOf(gate)).toEqual(["sound__t"]);
    expect(at((await callNow(gate, "sound__t")).json, "result", "isFine")).toBe(true);
    const dead = failureIn(await callNow(gate, "dead__t"));
    // Far from the slow server's thirty seconds, also on a machine with other work.
    expect(performance.now() - beganMs).toBeLessThan(3_000);
    expect(dead).toMatchObject({ isError: true, code: "upstream.unreachable" });
    expect(dead.text).toMatch(/^dead: /);
    const read = await ask(gate, agent.text, "prompts/get", { name: "dead__p" });
    expect(at(read.json, "error", "message")).toContain("(dead)");
  });

  test(
    "one that exits takes its tools with it, and brings them back, told on streams of both eras",
    { timeout: 60_000 },
    async () => {
      const first = await startUpstream({ offer: { tools: ["t"] }, onRequest: fine });
      const other = started(await startUpstream({ era: "modern", offer: { tools: ["u"] }, onRequest: fine }));
      const gate = await gateOver([server("blinking", first.url), server("other", other.url)]);
      await until(async () => String(await listOf(gate)) === "blinking__t,other__u", "both servers");
      const changed = "notifications/tools/list_changed";
      const modern = await openAsk(gate, agent, "subscriptions/listen", { notifications: { toolsListChanged: true } });
      const legacy = await (await legacyClient(gate, agent)).listen();
      const told = async (what: string) => {
        const heard = () =>
          [modern, legacy].map(({ messages }) => messages.filter((m) => at(m, "method") === changed).length);
        const before = heard();
        return () => long(() => heard().every((count, index) => count > (before[index] ?? 0)), what);
      };
      const left = await told("both to hear that it left");
      await first.stop();
      await left();
      expect(await listOf(gate)).toEqual(["other__u"]);
      const back = await told("both to hear that it is back");
      started(await startUpstream({ port: first.port, offer: { tools: ["t", "t2"] }, onRequest: fine }));
      await back();
      expect(await listOf(gate)).toEqual(["blinking__t", "blinking__t2", "other__u"]);
      expect(at((await callNow(gate, "blinking__t")).json, "result", "isFine")).toBe(true);
      expect([modern.isClosed(), legacy.isClosed()]).toEqual([false, false]);
    },
  );

  test("one that lets nobody in is no reason to refuse the client, and is there once it does", async () => {
    let isOpen = false;
    const upstream = started(
      await startUpstream({
        offer: { tools: ["t"] },
        onRequest: fine,
        onAny({ response }) {
          if (!isOpen) response.writeHead(401, { "www-authenticate": "Bearer" }).end();
          return !isOpen;
        },
      }),
    );
    const locked = server("locked", upstream.url);
    const gate = await gateOver([locked]);
    const health = () => gate.gate.mcp.catalogues.of(locked.id)?.health.state;
    await until(() => health() === "needs-auth", "its health");
    const { status, ...refused } = await callNow(gate, "locked__t");
    expect(status).toBe(200);
    expect(failureIn({ status, ...refused })).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^locked: /),
    });
    isOpen = true;
    await until(async () => String(await listOf(gate)) === "locked__t", "its tools");
    isOpen = false;
    const lockedAgain = await callNow(gate, "locked__t");
    expect([lockedAgain.status, failureIn(lockedAgain).isError]).toEqual([200, true]);
    expect(lockedAgain.headers["www-authenticate"]).toBeUndefined();
  });
});

async function long(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 40_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
}

describe("a server that talks garbage", () => {
  const head = (incoming: Incoming, type: string, status = 200) =>
    incoming.response.writeHead(status, { "content-type": type });
  const json = (id: unknown, more: object) => JSON.stringify({ jsonrpc: "2.0", id, ...more });
  const messageBytesMax = 100_000;
  const big = "x".repeat(3 * messageBytesMax);
  /** How it answers a call, and what the call is answered with. */
  const garbage: Record<string, [(incoming: Incoming) => unknown, string]> = {
    "no JSON": [(i) => head(i, "application/json").end("{nonsense"), "upstream.protocol"],
    nothing: [(i) => head(i, "application/json").end(), "upstream.protocol"],
    "another id": [(i) => head(i, "application/json").end(json(4711, { result: {} })), "upstream.protocol"],
    "the id as text": [(i) => head(i, "application/json").end(json(String(i.id), { result: {} })), "upstream.protocol"],
    "result and error": [
      (i) => head(i, "application/json").end(json(i.id, { result: {}, error: { code: 1, message: "" } })),
      "upstream.protocol",
    ],
    "a page": [(i) => head(i, "text/html").end("<html>Sign in</html>"), "upstream.protocol"],
    "a large page": [(i) => head(i, "text/html").end("<p>".repeat(100_000)), "upstream.protocol"],
    "a redirect": [(i) => i.response.writeHead(307, { location: "/elsewhere" }).end(), "upstream.protocol"],
    "no content": [(i) => i.response.writeHead(204).end(), "upstream.protocol"],
    "an error page": [(i) => head(i, "text/html", 502).end("bad gateway"), "upstream.protocol"],
    "a large message": [(i) => head(i, "application/json").end(json(i.id, { result: { big } })), "upstream.too-large"],
    "a large event": [
      (i) => head(i, "text/event-stream").end(`data: ${json(i.id, { result: { big } })}\n\n`),
      "upstream.too-large",
    ],
    "a large event that could be asked for again": [
      (i) => head(i, "text/event-stream").end(`id: 1\ndata:\n\nid: 2\ndata: ${json(i.id, { result: { big } })}\n\n`),
      "upstream.too-large",
    ],
    "a line without end": [(i) => head(i, "text/event-stream").end(big), "upstream.too-large"],
    "an event that is cut": [
      (i) => head(i, "text/event-stream").end(`data: ${json(i.id, { result: {} }).slice(0, -3)}`),
      "upstream.protocol",
    ],
    "events that are none": [
      (i) => head(i, "text/event-stream").end("data: {]\n\n: hello\n\nwhat\n\n"),
      "upstream.protocol",
    ],
    "a socket that is cut": [(i) => i.response.destroy(), "upstream.unreachable"],
    "a body that is cut": [
      (i) =>
        i.response
          .writeHead(200, { "content-type": "application/json", "content-length": 500 })
          .write("{", () => i.response.destroy()),
      "upstream.unreachable",
    ],
    "a refusal": [
      (i) => head(i, "application/json", 403).end(json(i.id, { error: { code: -1, message: "no" } })),
      "upstream.protocol",
    ],
    "an unknown compression": [
      (i) =>
        i.response.writeHead(200, { "content-type": "application/json", "content-encoding": "x" }).end("\u0001\u0002"),
      "upstream.protocol",
    ],
  };

  for (const era of ["legacy", "modern"] as const)
    for (const [what, [answer, code]] of Object.entries(garbage))
      test(`a ${era} server that answers with ${what} costs its own call alone, and is named`, async () => {
        const bad = started(await startUpstream({ era, offer: { tools: ["t"] }, onRequest: answer }));
        const sound = started(await startUpstream({ offer: { tools: ["t"] }, onRequest: fine }));
        const settings = { TOLLGATE_MESSAGE_BYTES_MAX: String(messageBytesMax) };
        const servers = [server("bad", bad.url), server("sound", sound.url)];
        const gate = started(await startGate(viewWith([team(), agent.resource, ...servers]), settings));
        const beganMs = performance.now();
        const failed = failureIn(await callNow(gate, "bad__t"));
        expect(failed).toMatchObject({ isError: true, code });
        expect(failed.text).toMatch(/^bad: /);
        expect(performance.now() - beganMs).toBeLessThan(3_000);
        expect(bad.received.filter(({ method }) => method === "tools/call")).toHaveLength(1);
        expect(at((await callNow(gate, "sound__t")).json, "result", "isFine")).toBe(true);
        expect(gate.facts.map(({ kind }) => kind.case)).toEqual(["toolCallCompleted", "toolCallCompleted"]);
      });

  test("what is no message in a stream is passed over, and the result behind it counts", async () => {
    const upstream = started(
      await startUpstream({
        offer: { tools: ["t"] },
        onRequest({ id, response }) {
          head({ response } as Incoming, "text/event-stream");
          response.write(': hello\r\n\r\nevent: ping\r\ndata: {}\r\n\r\ndata: [1]\n\ndata: null\n\ndata: {"id":1}\n\n');
          response.write(`data: ${json(4711, { result: {} })}\n\n`);
          response.end(`event: message\rdata: ${json(id, { result: { isFine: true } })}\r\r`);
        },
      }),
    );
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    expect(at((await callNow(gate, "s__t")).json, "result", "isFine")).toBe(true);
  });

  test("a stream that breaks within an event is taken up before that event, and the result is not lost", async () => {
    const taken: unknown[] = [];
    let text = "";
    const upstream = started(
      await startUpstream({
        offer: { tools: ["t"] },
        onAny({ method, headers, response }) {
          const from = headers["last-event-id"];
          if (method !== "GET" || from === undefined) return false;
          taken.push(from);
          beginEvents(response).end(`id: 2\ndata: ${text}\n\n`);
          return true;
        },
        onRequest({ id, response }) {
          text = json(id, { result: { isFine: true } });
          const whole = `id: 2\ndata: ${text}\n\n`;
          beginEvents(response).write("retry: 100\nid: 1\ndata:\n\n", () => {
            response.write(whole.slice(0, -20), () => response.destroy());
          });
        },
      }),
    );
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    expect(at((await callNow(gate, "s__t")).json, "result", "isFine")).toBe(true);
    expect(taken).toEqual(["1"]);
  });

  test("an event's id that no header can hold is none: the stream is taken up from the one before it", async () => {
    const taken: unknown[] = [];
    let text = "";
    const upstream = started(
      await startUpstream({
        offer: { tools: ["t", "none"] },
        onAny({ method, headers, response }) {
          const from = headers["last-event-id"];
          if (method !== "GET" || from === undefined) return false;
          taken.push(from);
          beginEvents(response).end(`data: ${text}\n\n`);
          return true;
        },
        onRequest({ id, params, response }) {
          text = json(id, { result: { isFine: true } });
          const ids = ["\u{1f600}", "a\x01b", "\xe9", "x".repeat(5_000)].map((one) => `id: ${one}\ndata:\n\n`).join("");
          const first = params["name"] === "none" ? "" : "id: 1\ndata:\n\n";
          beginEvents(response).end(`retry: 100\n${first}${ids}`);
        },
      }),
    );
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    expect(at((await callNow(gate, "s__t")).json, "result", "isFine")).toBe(true);
    expect(failureIn(await callNow(gate, "s__none"))).toMatchObject({ code: "upstream.protocol" });
    expect(taken).toEqual(["1"]);
  });

  test("a list that holds something else beside tools, or is not served, leaves the tools that there are", async () => {
    const odd = started(
      await startUpstream({
        offer: {
          tools: ["t", { noName: true }, { name: 7 }, { name: "" }, { name: "u", Name: "U" }],
          resources: ["file:///a"],
        },
        onAny(incoming) {
          if (incoming.method === "resources/templates/list") failure(incoming, -32601, "Method not found");
          if (incoming.method === "tools/list") {
            const tools = `[{"name":"t"},null,7,[],"x",{"noName":1},{"name":7},{"name":""},{"name":"u","Name":"U"},{"name":"v"}]`;
            head(incoming, "application/json").end(
              `{"jsonrpc":"2.0","id":${String(incoming.id)},"result":{"tools":${tools}}}`,
            );
          }
          return incoming.method === "resources/templates/list" || incoming.method === "tools/list";
        },
        onRequest: fine,
      }),
    );
    const gate = await gateOver([server("odd", odd.url)]);
    await until(async () => String(await listOf(gate)) === "odd__t,odd__v", "the tools that have a name");
    const resources = (await ask(gate, agent.text, "resources/list")).json;
    expect(at(resources, "result", "resources", 0, "uri")).toBe("file:///a");
  });
});

describe("a server that floods", () => {
  test("a call's notifications reach who asked for them, in order, and the result comes behind them", async () => {
    const count = 20_000;
    const upstream = started(
      await startUpstream({
        offer: { tools: ["t"] },
        onRequest({ id, response }) {
          beginEvents(response);
          for (let i = 1; i <= count; i++) {
            event(response, {
              method: "notifications/progress",
              params: { progressToken: id, progress: i % 100 === 0 ? 1 : i },
            });
            event(response, { method: "notifications/message", params: { level: "info", data: i } });
          }
          event(response, { id, result: { isFine: true } });
          response.end();
        },
      }),
    );
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    const quiet = await callNow(gate, "s__t");
    expect(quiet.headers["content-type"]).toBe("application/json");
    const meta = { progressToken: "mine", "io.modelcontextprotocol/logLevel": "warning" };
    const asked = await openAsk(gate, agent, "tools/call", { name: "s__t", _meta: meta });
    expect(at(await asked.response(), "result", "isFine")).toBe(true);
    const progress = asked.messages.filter((message) => at(message, "method") === "notifications/progress");
    const values = progress.map((message) => Number(at(message, "params", "progress")));
    expect(values).toHaveLength(count - count / 100);
    expect(values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0))).toBe(true);
    expect(at(asked.messages.at(-1), "id")).toBe(1);
    expect(asked.messages.filter((message) => at(message, "method") === "notifications/message")).toEqual([]);
  });

  for (const era of ["legacy", "modern"] as const)
    test(`changes told without end cost a ${era} server one list at a time, and the last is seen`, async () => {
      const waiting: Incoming[] = [];
      let lists = 0;
      let most = 0;
      let isSlow = false;
      const upstream = started(
        await startUpstream({
          era,
          offer: { tools: ["t"] },
          onAny(incoming) {
            if (incoming.method !== "tools/list") return false;
            lists++;
            if (!isSlow) return false;
            most = Math.max(most, waiting.push(incoming));
            return true;
          },
          onRequest: fine,
        }),
      );
      const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
      await until(() => upstream.streams.size > 0, "its stream");
      isSlow = true;
      const before = lists;
      for (let i = 0; i < 40; i++) {
        for (let n = 0; n < 50; n++) upstream.tell("notifications/tools/list_changed");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(lists - before).toBeGreaterThan(0);
      expect(most).toBe(1);
      isSlow = false;
      upstream.offer.tools = ["t", "last"];
      for (const held of waiting)
        result(held, { resultType: "complete", tools: [{ name: "t" }], ttlMs: 0, cacheScope: "private" });
      await until(async () => String(await listOf(gate)) === "s__t,s__last", "the last change");
    });

  test("a legacy client that does not read its stream is cut off, and the gate keeps a bounded rest", async () => {
    const upstream = started(
      await startUpstream({ offer: { tools: ["t"] }, capabilities: { logging: {} }, onRequest: fine }),
    );
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    const client = await legacyClient(gate, agent);
    const general = await client.listen();
    // With the call a session of the client's own is opened at the server, and its stream.
    await client.ask("tools/call", { name: "s__t" });
    await until(() => upstream.streams.size === 2, "the session's stream");
    general.pause();
    const data = "x".repeat(10_000);
    for (let i = 0; i < 2_000; i++) upstream.tell("notifications/message", { level: "info", data });
    await until(() => gate.gate.mcp.counts().streams === 0, "the stream to be cut");
    const again = await client.listen(general.eventIds.at(-1));
    const heard = await again.next("notifications/message");
    expect(at(heard, "params", "logger")).toBe("s");
    expect(again.text().length).toBeLessThan(400_000);
  });
});
