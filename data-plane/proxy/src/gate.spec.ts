// What a client meets at the gate, over real sockets: who gets in, what reaches the server, what comes back, and what is
// recorded of it before the client has all of its answer.

import { request } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, test } from "vitest";
import { mcpRequest } from "../../../test/support/mcp-request.ts";
import * as fixture from "./fixtures/gate-fixture.ts";

const {
  ask,
  at,
  key,
  post,
  server,
  startExample,
  startGate,
  startScripted,
  startSession,
  started,
  team,
  until,
  viewWith,
} = fixture;

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const call = (
  gate: { url: string },
  agent: { text: string },
  name: string,
  args: object = {},
  id: string | number = 1,
) => ask(gate, agent.text, "tools/call", { name, arguments: args }, { id });
/** To a scripted server of the legacy era: what answers the request, under the id that it came with. */
const answerWith = ({ body, response }: Pick<fixture.Received, "body" | "response">, result: string) =>
  answerText(response, `{"jsonrpc":"2.0","id":${JSON.parse(body).id},"result":${result}}`);
const answerText = (response: fixture.Received["response"], text: string, type = "application/json") =>
  void response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(text) }).end(text);

describe("the official client", () => {
  for (const env of [{}, { SSE: "1" }, { SESSIONS: "1" }, { SESSIONS: "1", SSE: "1" }])
    test(`lists and calls through the gate (server ${JSON.stringify(env)})`, async () => {
      const example = started(await startExample(env));
      const agent = key(["demo/*"]);
      const gate = started(await startGate(viewWith([team(), agent.resource, server("demo", example.url)])));
      const client = new Client({ name: "spec", version: "1" });
      const requestInit = { headers: bearer(agent.text) };
      await client.connect(new StreamableHTTPClientTransport(new URL(`${gate.url}/mcp`), { requestInit }));
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
        "demo__echo",
        "demo__add",
        "demo__slow",
      ]);
      const sum = await client.callTool({ name: "demo__add", arguments: { a: 2, b: 40 } });
      expect(sum.content).toEqual([{ type: "text", text: "42" }]);
      await client.close();
      const [fact] = gate.facts;
      expect(fact?.kind).toMatchObject({
        case: "toolCallCompleted",
        value: { server: "demo", tool: "add", keyId: agent.id },
      });
    });
});

describe("relaying", () => {
  test("every byte but ids and the tool's name goes and comes as it was sent", async () => {
    const result =
      '{"content":[],"n":12345678901234567890,"u":"\\u00e9 é","x":{"b":1,"a":2,"a":3}, "_meta": {"y/z" : 1e400}}';
    const upstream = started(await startScripted((received) => answerWith(received, result)));
    const agent = key(["s/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    const session = await startSession(gate, agent);
    const args = '{ "id":9007199254740993, "e":"\\u0041\\/", "z":[1.50, -0] ,"a":null, "a":1}';
    const sent = (id: string, name: string, token: string) =>
      ` {"params" : {"arguments":${args} ,"name":${name},"_meta":{"progressToken":${token},"own/key":[1.0]}}, "method":"tools/call","id":${id},"jsonrpc":"2.0" }`;
    const { text, headers } = await post(`${gate.url}/mcp`, sent('"é"', '"s__\\u0074ool"', "7"), session);
    expect(text.replace(/"result":.*$/s, "")).toBe('{"jsonrpc":"2.0","id":"é",');
    expect(text).toContain(`"result":${result}`);
    expect(headers["x-tollgate-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    const arrived = upstream.received.findLast(({ method }) => method === "tools/call")?.body ?? "";
    const { id } = JSON.parse(arrived);
    expect(arrived).toBe(sent(String(id), '"tool"', String(id)));
  });

  test("an inbound credential or cookie never reaches a server; its own secret does", async () => {
    const upstream = started(await startScripted((received) => answerWith(received, "{}")));
    const agent = key(["s/*"]);
    const secretId = fixture.newId();
    const headers = [{ name: "authorization", prefix: "Bearer ", secretId }];
    const view = viewWith([
      team(),
      agent.resource,
      fixture.secret(secretId, 1),
      server("s", upstream.url, { headers }),
    ]);
    const gate = started(await startGate(view));
    const sent = { "x-api-key": agent.text, cookie: "a=b", "x-forwarded-for": "1.2.3.4" };
    const callNow = () => ask(gate, agent.text, "tools/call", { name: "s__t" }, { headers: sent });
    const without = await callNow();
    expect(at(without.json, "result", "_meta", "tollgate/code")).toBe("upstream.secret-missing");
    expect(upstream.received).toEqual([]);
    gate.secrets([{ id: secretId, version: 1, value: Buffer.from("upstream-secret") }]);
    await until(async () => at((await callNow()).json, "result", "isError") === undefined, "the server to be met");
    for (const { headers: seen } of upstream.received) {
      expect(seen.authorization).toBe("Bearer upstream-secret");
      expect(JSON.stringify(seen)).not.toContain(agent.text);
      expect(seen.cookie ?? seen["x-api-key"] ?? seen["x-forwarded-for"]).toBeUndefined();
    }
    gate.secrets([{ id: secretId, version: 2, value: Buffer.from("rotated") }]);
    await callNow();
    const last = upstream.received.findLast(({ method }) => method === "tools/call");
    expect(last?.headers.authorization).toBe("Bearer rotated");
  });

  test("an event stream flows while the server is still at work, and a client that leaves cancels it", async () => {
    let serverSawClose = false;
    const upstream = started(
      await startScripted(({ body, response }) => {
        const params = JSON.stringify({ progressToken: JSON.parse(body).id, progress: 1 });
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(
          `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":${params}}\n\n`,
        );
        response.once("close", () => (serverSawClose = true));
      }),
    );
    const agent = key(["s/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    const { headers, body } = mcpRequest("tools/call", { name: "s__t", _meta: {} });
    const sent = request(`${gate.url}/mcp`, { method: "POST", headers: { ...headers, ...bearer(agent.text) } });
    sent.on("error", () => undefined);
    sent.end(body.replace('"_meta":{', '"_meta":{"progressToken":"mine",'));
    const chunk = await new Promise<string>((resolve) =>
      sent.once("response", (response) => response.once("data", (data) => resolve(String(data)))),
    );
    expect(chunk).toContain('"progressToken":"mine"');
    sent.destroy();
    await until(() => serverSawClose, "the server to see the call end");
    await until(() => gate.facts.length === 1, "the fact");
    expect(gate.facts[0]?.kind.value).toMatchObject({ outcome: 3 });
  });

  test("the client never has the whole answer before its fact is in the spool", async () => {
    for (const type of ["application/json", "text/event-stream"]) {
      const upstream = started(
        await startScripted(({ body, response }) => {
          const message = `{"jsonrpc":"2.0","id":${JSON.parse(body).id},"result":{}}`;
          answerText(response, type === "application/json" ? message : `data: ${message}\n\n`, type);
        }),
      );
      const agent = key(["s/*"]);
      const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
      const release = gate.holdFacts();
      let isAnswered = false;
      const answered = call(gate, agent, "s__t").then((answer) => {
        isAnswered = true;
        return answer;
      });
      await until(() => gate.facts.length === 1, "the fact to be made");
      // Another exchange over the same listener has its whole way meanwhile; the held one must not have ended.
      await fetch(`${gate.url}/healthz`);
      expect(isAnswered).toBe(false);
      release();
      expect(at((await answered).json, "result")).toEqual({ resultType: "complete" });
    }
  });
});

describe("sessions of servers", () => {
  test("two calls with one id at the same time each get their own answer", async () => {
    const example = started(await startExample({ SESSIONS: "1" }));
    const agent = key(["demo/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource, server("demo", example.url)])));
    const waits = [60, 5, 30, 1, 45];
    const answers = await Promise.all(waits.map((ms) => call(gate, agent, "demo__slow", { ms }, 7)));
    expect(answers.map(({ json }) => at(json, "result", "content", 0, "text"))).toEqual(
      waits.map((ms) => `waited ${ms} ms`),
    );
  });

  test("a server that forgot its session gets a new one and the call once more", async () => {
    const known = new Set<string>();
    let opened = 0;
    const id = () => `session-${opened++}`;
    const session = { id: () => [...known.add(id())].at(-1) ?? "", knows: (sent: string) => known.has(sent) };
    const upstream = started(await startScripted((received) => answerWith(received, "{}"), { session }));
    const agent = key(["s/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    await call(gate, agent, "s__t");
    known.clear();
    const { json } = await call(gate, agent, "s__t");
    expect(json).toEqual({ jsonrpc: "2.0", id: 1, result: { resultType: "complete" } });
    // The gate's own session and the key's, and the key's once more.
    expect(upstream.received.filter(({ method }) => method === "initialize").length).toBeGreaterThanOrEqual(3);
    // One of them was refused unread.
    expect(upstream.received.filter(({ method }) => method === "tools/call")).toHaveLength(3);
  });
});

describe("who gets in", () => {
  test("a missing, malformed, unknown or doubled credential is refused in JSON-RPC's form, and recorded", async () => {
    const agent = key(["s/*"]);
    const other = key(["s/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource])));
    const cases: [Record<string, string | string[]>, string][] = [
      [{}, "auth.key-missing"],
      [bearer("tg_key_nonsense"), "auth.key-malformed"],
      [{ authorization: "Basic abc" }, "auth.key-malformed"],
      [bearer(other.text), "auth.key-unknown"],
      [{ ...bearer(agent.text), "x-api-key": other.text }, "auth.keys-conflict"],
      [{ authorization: [`Bearer ${agent.text}`, `Bearer ${other.text}`] }, "auth.keys-conflict"],
      [{ "x-tollgate-key": [agent.text, other.text] }, "auth.keys-conflict"],
    ];
    for (const [headers, code] of cases) {
      const { headers: usual, body } = mcpRequest("tools/list");
      const answer = await post(`${gate.url}/mcp`, body, { ...usual, ...headers });
      expect([answer.status, at(answer.json, "error", "data", "code")]).toEqual([401, code]);
      expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code, door: "mcp" });
    }
    for (const headers of [{ "x-api-key": agent.text }, { ...bearer(agent.text), "x-tollgate-key": agent.text }])
      expect((await ask(gate, agent.text, "tools/list", {}, { id: "é", headers })).text).toContain(
        '{"jsonrpc":"2.0","id":"é","result":{',
      );
  });

  test("a hidden tool and one that does not exist are told apart by nothing", async () => {
    const example = started(await startExample());
    const agent = key(["demo/add"]);
    const view = viewWith([team(), agent.resource, server("demo", example.url), server("private", example.url)]);
    const gate = started(await startGate(view));
    const answers = [];
    for (const name of ["demo__echo", "demo__nothing", "private__echo", "nowhere__echo", "echo", "demo__"])
      answers.push(await call(gate, agent, name));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, json: { error: { code: -32602 } } });
    const { json } = await ask(gate, agent.text, "tools/list");
    expect(at(json, "result", "tools")).toMatchObject([{ name: "demo__add" }]);
  });

  test("a revoked key is refused from the next view on; without a view, or with a stale one, nobody gets in", async () => {
    const agent = key(["s/*"]);
    const gate = started(await startGate(undefined));
    const list = async () => (await ask(gate, agent.text, "tools/list")).json;
    const served = { tools: [], resultType: "complete", ttlMs: 0, cacheScope: "private" };
    expect(at(await list(), "error", "data", "code")).toBe("proxy.not-ready");
    expect((await fetch(`${gate.url}/readyz`)).status).toBe(503);
    gate.show(viewWith([team(), agent.resource]));
    expect((await fetch(`${gate.url}/readyz`)).status).toBe(200);
    expect(at(await list(), "result")).toEqual(served);
    gate.age(3_600_001);
    expect(at(await list(), "error", "data", "code")).toBe("proxy.replica-stale");
    // The setting holds where no environment says otherwise; of the proxy's own, the environment's bound does.
    gate.show(viewWith([team(), agent.resource, fixture.environment("", 7_200_000n)]));
    expect(at(await list(), "result")).toEqual(served);
    const ready = await fetch(`${gate.url}/readyz`);
    expect(await ready.json()).toEqual({ status: "ready", position: "1", ageMs: 3_600_001, ageMsMax: 7_200_000 });
    gate.show(viewWith([team(), agent.resource, fixture.environment("elsewhere", 7_200_000n)]));
    expect(at(await list(), "error", "data", "code")).toBe("proxy.replica-stale");
    gate.age(0);
    gate.show(viewWith([team()]));
    expect(at(await list(), "error", "data", "code")).toBe("auth.key-unknown");
  });

  test("a web page of another origin, or behind a name that resolves here, is refused", async () => {
    const agent = key(["s/*"]);
    const gate = started(
      await startGate(viewWith([team(), agent.resource]), { TOLLGATE_ALLOWED_ORIGINS: "https://ok.example" }),
    );
    const ping = async (headers: Record<string, string>) =>
      (await ask(gate, agent.text, "tools/list", {}, { headers })).status;
    expect(await ping({ origin: "https://evil.example" })).toBe(403);
    expect(await ping({ host: "evil.example:8080" })).toBe(403);
    expect(await ping({ origin: "null" })).toBe(403);
    expect(await ping({ origin: "https://ok.example" })).toBe(200);
    expect(await ping({ origin: "http://localhost:6274" })).toBe(200);
  });
});

describe("what cannot be served", () => {
  test("a dead server fails neither the list nor the gate, and its calls become results that name it", async () => {
    const example = started(await startExample());
    const agent = key(["*/*"]);
    const dead = server("dead", "http://127.0.0.1:1/mcp");
    const guarded = server("guarded", example.url, { allowPrivateNetwork: false });
    const gate = started(
      await startGate(viewWith([team(), agent.resource, server("demo", example.url), dead, guarded])),
    );
    const list = await ask(gate, agent.text, "tools/list");
    expect(at(list.json, "result", "tools")).toHaveLength(3);
    for (const [name, code] of [
      ["dead", "upstream.unreachable"],
      ["guarded", "upstream.address-refused"],
    ] as const) {
      const { json } = await call(gate, agent, `${name}__echo`);
      expect(at(json, "result")).toMatchObject({ isError: true, _meta: { "tollgate/code": code } });
      expect(at(json, "result", "content", 0, "text")).toContain(name);
      expect(gate.facts.at(-1)?.kind.value).toMatchObject({ server: name, outcome: 2 });
    }
  });

  test("a server that is too slow, or answers something else, becomes a result that says so", async () => {
    const agent = key(["*/*"]);
    const slow = started(await startScripted(() => undefined));
    const odd = started(
      await startScripted(({ response }) => void response.writeHead(401, { "www-authenticate": "Bearer" }).end("no")),
    );
    const own = (id: string) => `{"jsonrpc":"2.0","id":${id},"error":{"code":-32001,"message":"own","data":{"n":1}}}`;
    const jsonError = started(
      await startScripted(
        ({ body, response }) =>
          void response.writeHead(400, { "content-type": "application/json" }).end(own(JSON.parse(body).id)),
      ),
    );
    const servers = [
      server("slow", slow.url, { timeoutSeconds: 1 }),
      server("odd", odd.url),
      server("own", jsonError.url),
    ];
    const gate = started(await startGate(viewWith([team(), agent.resource, ...servers])));
    const callOne = (name: string) => call(gate, agent, name);
    expect(at((await callOne("slow__t")).json, "result", "_meta", "tollgate/code")).toBe("upstream.timeout");
    const refused = await callOne("odd__t");
    expect([refused.status, at(refused.json, "result", "_meta", "tollgate/code")]).toEqual([200, "upstream.protocol"]);
    expect((await callOne("own__t")).text).toBe(own("1"));
  });

  test("an answer that breaks off ends in an error the client can see, never in a shorter answer", async () => {
    const agent = key(["*/*"]);
    const event =
      'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n';
    const broken = (type: string, text: string) =>
      startScripted(({ response }) => {
        response.writeHead(200, { "content-type": type, "content-length": "1000" });
        response.write(text, () => response.destroy());
      });
    const stream = started(await broken("text/event-stream", event));
    const json = started(await broken("application/json", '{"jsonrpc":"2.0","id":1,"result":{"content":[]}'));
    const view = viewWith([team(), agent.resource, server("stream", stream.url), server("json", json.url)]);
    const gate = started(await startGate(view));
    const session = await startSession(gate, agent);
    const callOne = (name: string) =>
      post(`${gate.url}/mcp`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}"}}`, session);
    const streamed = (await callOne("stream__t")).text;
    expect(streamed).toContain('"logger":"stream","data":1}');
    expect(JSON.parse(streamed.trimEnd().split("\ndata: ").at(-1) ?? "").result.isError).toBe(true);
    expect(at((await callOne("json__t")).json, "result")).toMatchObject({ isError: true });
    expect(gate.facts.map(({ kind }) => kind.value)).toMatchObject([{ outcome: 2 }, { outcome: 2 }]);
  });

  test("what is not one well-formed request is refused unread", async () => {
    const upstream = started(await startScripted(({ response }) => answerText(response, "{}")));
    const agent = key(["s/*"]);
    const view = viewWith([team(), agent.resource, server("s", upstream.url)]);
    const gate = started(await startGate(view, { TOLLGATE_REQUEST_BYTES_MAX: "2000" }));
    const cases: [string, number, string][] = [
      ["{", 400, "mcp.parse-error"],
      ["[]", 400, "mcp.invalid-request"],
      [
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__a","n\\u0061me":"s__b"}}',
        400,
        "mcp.duplicate-member",
      ],
      [
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__a","Name":"s__b"}}',
        400,
        "mcp.duplicate-member",
      ],
      // Found by the way the version is read, after the body: a throw there would end the worker with everybody's calls.
      [
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"a","ProtocolVersion":"b"}}',
        400,
        "mcp.duplicate-member",
      ],
      ['{"jsonrpc":"2.0","id":null,"method":"tools/list"}', 400, "mcp.invalid-request"],
      ['{"jsonrpc":"2.0","id":1,"method":"nothing"}', 200, "mcp.method-unknown"],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}', 200, "mcp.params-invalid"],
      [
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${"x".repeat(3000)}"}}`,
        413,
        "request.too-large",
      ],
    ];
    const session = await startSession(gate, agent);
    for (const [body, status, code] of cases) {
      const answer = await post(`${gate.url}/mcp`, body, session);
      expect([answer.status, at(answer.json, "error", "data", "code")]).toEqual([status, code]);
    }
    expect(upstream.received.filter(({ method }) => method === "tools/call")).toEqual([]);
    for (const method of ["GET", "DELETE"])
      expect((await fetch(`${gate.url}/mcp`, { method, headers: bearer(agent.text) })).status).toBe(405);
    expect((await fetch(`${gate.url}/mcp`, { method: "PUT" })).status).toBe(405);
    expect((await fetch(`${gate.url}/other`)).status).toBe(404);
    const notification = await post(
      `${gate.url}/mcp`,
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      session,
    );
    expect([notification.status, notification.text]).toEqual([202, ""]);
  });
});

test("a drain lets calls in flight finish and takes no new ones", async () => {
  let finish = (): void => undefined;
  const upstream = started(
    await startScripted(({ body, response }) => {
      finish = () => answerWith({ body, response }, "{}");
    }),
  );
  const agent = key(["s/*"]);
  const gate = await startGate(viewWith([team(), agent.resource, server("s", upstream.url)]));
  const running = call(gate, agent, "s__t");
  await until(() => upstream.received.some(({ method }) => method === "tools/call"), "the call to arrive");
  const drained = gate.gate.listener.drain(10_000);
  await expect(call(gate, agent, "s__t")).rejects.toThrow();
  finish();
  expect(at((await running).json, "result")).toEqual({ resultType: "complete" });
  await drained;
  expect(gate.facts).toHaveLength(1);
  await gate.gate.close();
});
