// Which versions the gate speaks, and that it keeps to the one that was agreed on. A client that is answered in another version
// than it can speak breaks in places far from here; one that is told wrongly what is served gives up, or tries for ever.

import { Era } from "@tollgate/schema/resources";
import { describe, expect, test, vi } from "vitest";
import { mcpRequest } from "../../../../test/support/mcp-request.ts";
import { legacyClient, talk, type LegacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { beginEvents, event, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { at, group, key, post, server, startGate, started, team, viewWith } = fixture;

const agent = key(["*/*"]);
const bearer = { authorization: `Bearer ${agent.text}` };
const accept = "application/json, text/event-stream";
const legacyVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

async function gateOver(onRequest: (incoming: Incoming) => void = (incoming) => result(incoming, {})) {
  const upstream = started(await startUpstream({ offer: { tools: ["t"] }, onRequest }));
  const groups = [
    group("legacy-only", { eras: [Era.LEGACY] }),
    group("modern-only", { eras: [Era.MODERN] }),
    group("both", { eras: [Era.LEGACY, Era.MODERN] }),
  ];
  const view = viewWith([team(), agent.resource, server("s", upstream.url), ...groups]);
  return { gate: started(await startGate(view)), upstream };
}

const initialize = (gate: { url: string }, protocolVersion: unknown, path = "/mcp") =>
  post(
    gate.url + path,
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion, capabilities: {} } }),
    { ...bearer, accept },
  );

function discover(gate: { url: string }, path = "/mcp", version = "2026-07-28") {
  const { headers, body } = mcpRequest("server/discover");
  const sent = body.replaceAll("2026-07-28", version);
  return post(gate.url + path, sent, { ...headers, ...bearer, "mcp-protocol-version": version });
}

describe("legacy versions", () => {
  for (const version of legacyVersions)
    test(`${version} is answered where it is asked for, and kept to`, async () => {
      const { gate } = await gateOver();
      const begun = await initialize(gate, version);
      expect(at(begun.json, "result", "protocolVersion")).toBe(version);
      const session = { ...bearer, accept, "mcp-session-id": String(begun.headers["mcp-session-id"]) };
      const list = '{"jsonrpc":"2.0","id":2,"method":"tools/list"}';
      // The header came with 2025-06-18: who does not know it sends none.
      for (const headers of [session, { ...session, "mcp-protocol-version": version }])
        expect(at((await post(`${gate.url}/mcp`, list, headers)).json, "result", "tools", 0, "name")).toBe("s__t");
      const others = [...legacyVersions.filter((other) => other !== version), "2026-07-28", "1999-01-01", "", "x"];
      for (const other of others) {
        const { status, json } = await post(`${gate.url}/mcp`, list, { ...session, "mcp-protocol-version": other });
        expect([status, at(json, "result")], other).toEqual([400, undefined]);
      }
      for (const method of ["GET", "DELETE"]) {
        const headers = { ...session, accept: "text/event-stream", "mcp-protocol-version": "1999-01-01" };
        expect((await talk(`${gate.url}/mcp`, { method, headers })).status).toBe(400);
      }
      expect((await post(`${gate.url}/mcp`, list, session)).status).toBe(200);
    });

  test("what nobody knows is answered with the newest, and so is what is no version", async () => {
    const { gate } = await gateOver();
    for (const version of ["2099-01-01", "2026-07-28", "", 7, null, undefined])
      expect(at((await initialize(gate, version)).json, "result", "protocolVersion")).toBe("2025-11-25");
  });

  test("an event that holds nothing is sent to clients of 2025-11-25 alone: others take it for broken JSON", async () => {
    const { gate } = await gateOver((incoming) => {
      event(beginEvents(incoming.response), { method: "notifications/message", params: { level: "error", data: 1 } });
      event(incoming.response, { id: incoming.id, result: {} });
      incoming.response.end();
    });
    for (const version of legacyVersions) {
      const client = await legacyClient(gate, agent, { version });
      const called = await client.open("tools/call", { name: "s__t" });
      await called.response();
      expect(/^data: ?$/m.test(called.text()), version).toBe(version === "2025-11-25");
      const general = await client.listen();
      await fixture.until(() => general.headers["content-type"] === "text/event-stream", "the stream");
      expect(general.status).toBe(200);
      if (version === "2025-11-25") await fixture.until(() => general.eventIds.length === 1, "the first event");
      else expect(general.text()).toBe("");
    }
  });
});

describe("the modern version", () => {
  test("an unknown one is refused with what is served", async () => {
    const { gate } = await gateOver();
    const { status, json } = await discover(gate, "/mcp", "2099-01-01");
    expect(status).toBe(400);
    expect(at(json, "error", "code")).toBe(-32022);
    const supported = ["2026-07-28", ...legacyVersions];
    expect(at(json, "error", "data")).toMatchObject({ supported, requested: "2099-01-01" });
    expect(at((await discover(gate)).json, "result", "supportedVersions")).toEqual(supported);
  });

  test("a header and a body that name different versions are refused before anything is looked at", async () => {
    const { gate } = await gateOver();
    const { headers, body } = mcpRequest("tools/list");
    for (const version of ["2025-11-25", "2099-01-01", undefined]) {
      const { "mcp-protocol-version": _own, ...others } = headers;
      const sent = { ...others, ...bearer, ...(version === undefined ? {} : { "mcp-protocol-version": version }) };
      const { status, json } = await post(`${gate.url}/mcp`, body, sent);
      expect([status, at(json, "error", "code")]).toEqual([400, -32020]);
    }
  });
});

describe("a group that serves one era", () => {
  test("says what it serves to clients of the other, whichever version these name", async () => {
    const { gate } = await gateOver();
    for (const version of ["2026-07-28", "2099-01-01"]) {
      const { status, json } = await discover(gate, "/mcp/legacy-only", version);
      expect([status, at(json, "error", "code")]).toEqual([400, -32022]);
      expect(at(json, "error", "data")).toMatchObject({ supported: legacyVersions, requested: version });
    }
    expect(at((await initialize(gate, "2025-06-18", "/mcp/legacy-only")).json, "result", "protocolVersion")).toBe(
      "2025-06-18",
    );
    const refused = await initialize(gate, "2025-11-25", "/mcp/modern-only");
    expect([refused.status, at(refused.json, "error", "code")]).toEqual([400, -32022]);
    expect(at(refused.json, "error", "data")).toMatchObject({ supported: ["2026-07-28"], requested: "2025-11-25" });
    const alone = await discover(gate, "/mcp/modern-only");
    expect(at(alone.json, "result", "supportedVersions")).toEqual(["2026-07-28"]);
    expect(at((await discover(gate, "/mcp/both")).json, "result", "supportedVersions")).toHaveLength(5);
    // A session that began elsewhere is no way in.
    const client = await legacyClient(gate, agent);
    const list = '{"jsonrpc":"2.0","id":2,"method":"tools/list"}';
    expect((await post(`${gate.url}/mcp/modern-only`, list, client.headers)).status).toBe(400);
    const headers = { ...client.headers, accept: "text/event-stream" };
    expect((await talk(`${gate.url}/mcp/modern-only`, { method: "GET", headers })).status).toBe(400);
  });
});

describe("arrays of messages", () => {
  const request = (id: unknown, method: string, params: object = {}) => ({ jsonrpc: "2.0", id, method, params });
  const call = (id: unknown, name = "s__t") => request(id, "tools/call", { name });
  const send = (gate: { url: string }, { headers }: LegacyClient, body: unknown) =>
    post(`${gate.url}/mcp`, typeof body === "string" ? body : JSON.stringify(body), headers);
  const version = "2025-03-26";

  test("requests are answered in one array, each under its id; what wants no answer is only taken", async () => {
    const { gate, upstream } = await gateOver();
    const client = await legacyClient(gate, agent, { version });
    const told = await send(gate, client, [
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", id: 99, result: {} },
    ]);
    expect([told.status, told.text]).toEqual([202, ""]);
    const body = ` \n[${JSON.stringify(call("a"))} , ${JSON.stringify(request(2, "ping"))},${JSON.stringify(call(3, "s__no"))},
      {"jsonrpc":"2.0","method":"notifications/initialized"}, ${JSON.stringify(request(4, "nothing"))}, 7, {"jsonrpc":"2.0"} ,
      ${JSON.stringify(request(5, "initialize", { protocolVersion: version, capabilities: {} }))}]`;
    const { status, json, headers } = await send(gate, client, body);
    expect([status, headers["content-type"], headers["mcp-session-id"]]).toEqual([200, "application/json", undefined]);
    if (!Array.isArray(json)) throw new Error(`no array: ${JSON.stringify(json)}`);
    const byId = new Map(json.map((message: object) => [at(message, "id"), message]));
    expect(json).toHaveLength(7);
    expect([...byId.keys()].sort()).toEqual([2, 3, 4, 5, "a", null].sort());
    expect(at(byId.get("a"), "result")).toEqual({});
    expect(at(byId.get(2), "result")).toEqual({});
    expect(at(byId.get(4), "error", "code")).toBe(-32601);
    expect(at(byId.get(5), "error", "code")).toBe(-32600);
    const ids = upstream.received.filter(({ method }) => method === "tools/call").map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    // Each call is on record by itself.
    const calls = gate.facts.filter(({ kind }) => kind.case === "toolCallCompleted");
    expect(new Set(calls.map(({ requestId }) => requestId)).size).toBe(2);
  });

  test("as soon as anything else has to be said there is one stream, with all answers", async () => {
    const waiting: Incoming[] = [];
    const { gate } = await gateOver((incoming) => {
      if (waiting.push(incoming) < 2) return;
      for (const one of waiting) {
        event(beginEvents(one.response), {
          method: "notifications/progress",
          params: { progressToken: one.id, progress: 1 },
        });
        event(one.response, { id: one.id, result: { isFine: true } });
        one.response.end();
      }
    });
    const client = await legacyClient(gate, agent, { version });
    const asking = (id: number) => request(id, "tools/call", { name: "s__t", _meta: { progressToken: `token-${id}` } });
    const body = JSON.stringify([asking(1), request(2, "ping"), asking(3)]);
    const headers = { ...client.headers, "content-type": "application/json" };
    const answers = await talk(`${gate.url}/mcp`, { method: "POST", headers, body });
    await fixture.until(() => answers.isClosed(), "the end of the stream");
    expect(answers.headers["content-type"]).toBe("text/event-stream");
    const ids = answers.messages.filter((message) => at(message, "method") === undefined).map((m) => at(m, "id"));
    expect(ids.sort()).toEqual([1, 2, 3]);
    const tokens = answers.messages.flatMap((message) => at(message, "params", "progressToken") ?? []);
    expect(tokens.sort()).toEqual(["token-1", "token-3"]);
  });

  test("one that is given up gets no answer, and the others theirs", async () => {
    const { gate, upstream } = await gateOver((incoming) => {
      if (incoming.params["name"] === "t") result(incoming, {});
    });
    const client = await legacyClient(gate, agent, { version });
    const answered = send(gate, client, [call("slow", "s__slow"), call("quick")]);
    await fixture.until(() => upstream.count("tools/call") === 2, "both calls");
    await send(gate, client, [{ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "slow" } }]);
    const { json } = await answered;
    expect(json).toEqual([{ jsonrpc: "2.0", id: "quick", result: {} }]);
    await fixture.until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
  });

  test("too many, none, no JSON, no session and another version are refused as one message", async () => {
    const { gate, upstream } = await gateOver();
    const client = await legacyClient(gate, agent, { version });
    const many = (count: number) => Array.from({ length: count }, (_, id) => request(id, "ping"));
    const refused: [LegacyClient, unknown, string][] = [
      [client, many(65), "mcp.invalid-request"],
      [client, "[]", "mcp.invalid-request"],
      [client, '[{"jsonrpc":"2.0","id":1,"method":"ping"},]', "mcp.parse-error"],
      [client, `[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__t"}}`, "mcp.parse-error"],
      [client, Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]).toString("latin1"), ""],
      [await legacyClient(gate, agent, { version: "2025-06-18" }), many(1), "mcp.invalid-request"],
      [await legacyClient(gate, agent), many(1), "mcp.invalid-request"],
      [{ ...client, headers: { ...bearer, accept } }, many(1), "mcp.invalid-request"],
    ];
    for (const [who, body, code] of refused) {
      const { status, json } = await send(gate, who, body);
      if (code !== "") expect([status, at(json, "error", "data", "code")]).toEqual([400, code]);
    }
    expect(upstream.count("tools/call")).toBe(0);
    expect((await send(gate, client, many(64))).json).toHaveLength(64);
  });
});
