// What the gate answers, byte for byte, in both eras: clients, dashboards and other people's tests read these members and codes,
// and tell by them whether to begin a session anew, to ask their user, or to give up. Texts for people may grow; whoever
// changes one here says in the change that nobody goes by it.

import { describe, expect, test } from "vitest";
import { legacyClient } from "../../data-plane/proxy/src/fixtures/client-fixture.ts";
import { ask, post, type Answer } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { accept, agent, bearer, initialize, openScene, say, withoutSeals, type Scene } from "./gate-scene.ts";

type Pin = readonly [title: string, send: (scene: Scene) => Promise<Answer>, status: number, text: string];

const modern =
  (method: string, params: object = {}, more: Parameters<typeof ask>[4] = {}) =>
  ({ gate }: Scene) =>
    ask(gate, agent.text, method, params, more);
/** Of another version than there is, in headers and body alike. */
const ofVersion = (version: string, path = "/mcp") => {
  const { headers, body } = mcpRequest("tools/list");
  const sent = { ...headers, ...bearer, "mcp-protocol-version": version };
  return ({ gate }: Scene) => post(gate.url + path, body.replaceAll("2026-07-28", version), sent);
};
const legacy =
  (method: string, params: object = {}) =>
  async ({ gate }: Scene) =>
    (await legacyClient(gate, agent)).ask(method, params);
const elicits = { capabilities: { elicitation: { form: {} } } };
const listRequest = { method: "tools/list", params: {} };

const results: readonly Pin[] = [
  [
    "initialize",
    (scene) => say(scene, initialize("2025-11-25")),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"completions":{},"logging":{}},"serverInfo":{"name":"tollgate","version":"0.1.0"}}}',
  ],
  [
    "server/discover",
    modern("server/discover"),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"capabilities":{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"completions":{},"logging":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"tollgate","version":"0.1.0"}}}}',
  ],
  [
    "tools/list, modern: the server's own bytes but for the name",
    modern("tools/list"),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{ "inputSchema" : {"type":"object"}, "name":"s__t", "description":"Says hi.", "own":1.0 },{"name":"s__asks","inputSchema":{"type":"object"}}]}}',
  ],
  [
    "tools/list, legacy",
    legacy("tools/list"),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[{ "inputSchema" : {"type":"object"}, "name":"s__t", "description":"Says hi.", "own":1.0 },{"name":"s__asks","inputSchema":{"type":"object"}}]}}',
  ],
  [
    "a list of nothing",
    modern("prompts/list"),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[]}}',
  ],
  [
    "a legacy server's result for a modern client",
    modern("tools/call", { name: "s__t", arguments: {} }, { id: "a b" }),
    200,
    '{"jsonrpc":"2.0","id":"a b","result":{"resultType":"complete","content":[{"type":"text","text":"hi"}]}}',
  ],
  [
    "a legacy server's result for a legacy client",
    legacy("tools/call", { name: "s__t", arguments: {} }),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}}',
  ],
  [
    "a legacy server's question to a modern client",
    modern("tools/call", { name: "s__asks", arguments: {} }, elicits),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"elicitation-1":{"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"sealed"}}',
  ],
  [
    "a server that is gone, modern",
    modern("tools/call", { name: "gone__t", arguments: {} }),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"gone: The server could not be reached. (ECONNREFUSED)"}],"isError":true,"_meta":{"tollgate/code":"upstream.unreachable"}}}',
  ],
  [
    "a server that is gone, legacy",
    legacy("tools/call", { name: "gone__t", arguments: {} }),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"gone: The server could not be reached. (ECONNREFUSED)"}],"isError":true,"_meta":{"tollgate/code":"upstream.unreachable"}}}',
  ],
  [
    "a tool that its server does not list, and knows: lists may be late",
    modern("tools/call", { name: "s__unlisted", arguments: {} }),
    200,
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"hi"}]}}',
  ],
  ["ping", legacy("ping"), 200, '{"jsonrpc":"2.0","id":1,"result":{}}'],
];

const refusals: readonly Pin[] = [
  [
    "a header that contradicts the body",
    modern("tools/list", {}, { headers: { "mcp-method": "tools/call" } }),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"The headers do not say what the body says. `mcp-method` is missing, or is not what the body says.","data":{"code":"mcp.header-mismatch"}}}',
  ],
  [
    "a name that the header contradicts",
    modern("tools/call", { name: "s__t" }, { headers: { "mcp-name": "s__asks" } }),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"The headers do not say what the body says. `mcp-name` is missing, or is not what the body says.","data":{"code":"mcp.header-mismatch"}}}',
  ],
  [
    "a server that asks for what the client did not declare",
    modern("tools/call", { name: "s__asks", arguments: {} }),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32021,"message":"The server needs something of the client that it did not declare. It asks for elicitation.","data":{"code":"mcp.capability-missing","requiredCapabilities":{"elicitation":{}}}}}',
  ],
  [
    "a version that is not served",
    ofVersion("2027-01-01"),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"The protocol version is not served here. Served are 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05.","data":{"code":"mcp.version-unsupported","supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2027-01-01"}}}',
  ],
  [
    "a modern client at a group for legacy ones",
    ofVersion("2026-07-28", "/mcp/old"),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"The protocol version is not served here. Served are 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05.","data":{"code":"mcp.version-unsupported","supported":["2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2026-07-28"}}}',
  ],
  [
    "a legacy client at a group for modern ones",
    (scene) => say(scene, initialize("2025-11-25"), {}, "/mcp/new"),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"The protocol version is not served here. Served are 2026-07-28.","data":{"code":"mcp.version-unsupported","supported":["2026-07-28"],"requested":"2025-11-25"}}}',
  ],
  [
    "a request without its version",
    (scene) => say(scene, listRequest, { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" }),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"The request\'s `_meta` lacks what each request has to say. It lacks `io.modelcontextprotocol/protocolVersion`.","data":{"code":"mcp.meta-missing"}}}',
  ],
  [
    "a tool of no server",
    modern("tools/call", { name: "nope", arguments: {} }),
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool.","data":{"code":"mcp.tool-unknown"}}}',
  ],
  [
    "a tool of no server, legacy",
    legacy("tools/call", { name: "nope" }),
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool.","data":{"code":"mcp.tool-unknown"}}}',
  ],
  [
    "a cursor that is none",
    modern("tools/list", { cursor: "x" }),
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"The cursor is not one of this list.","data":{"code":"mcp.cursor-invalid"}}}',
  ],
  [
    "a state that is none",
    modern("tools/call", { name: "s__t", arguments: {}, requestState: "x" }),
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"The request\'s state is not one that was given for it.","data":{"code":"mcp.state-invalid"}}}',
  ],
  [
    "a method that there is not, modern",
    modern("no/such"),
    404,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"The method is not known here.","data":{"code":"mcp.method-unknown"}}}',
  ],
  [
    "a method that there is not, legacy",
    legacy("no/such"),
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"The method is not known here.","data":{"code":"mcp.method-unknown"}}}',
  ],
  [
    "a session that is over",
    (scene) => say(scene, listRequest, { "mcp-session-id": "gone" }),
    404,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"The session is not known; begin another one.","data":{"code":"mcp.session-unknown"}}}',
  ],
  [
    "no session",
    (scene) => say(scene, listRequest),
    400,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"The request belongs to no session.","data":{"code":"mcp.session-missing"}}}',
  ],
  [
    "a group that there is not",
    (scene) => say(scene, initialize("2025-11-25"), {}, "/mcp/nowhere"),
    404,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"There is no such tool group.","data":{"code":"mcp.group-unknown"}}}',
  ],
  [
    "a body that is no JSON",
    (scene) => say(scene, "{"),
    400,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"The body is not JSON.","data":{"code":"mcp.parse-error"}}}',
  ],
  [
    "an answer that cannot be given",
    (scene) => say(scene, initialize("2025-11-25"), { accept: "text/html" }),
    406,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"The client does not accept both application/json and text/event-stream.","data":{"code":"mcp.not-acceptable"}}}',
  ],
  [
    "no key",
    ({ gate }) => post(`${gate.url}/mcp`, JSON.stringify(initialize("2025-11-25")), { accept }),
    401,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"No Tollgate key was sent.","data":{"code":"auth.key-missing"}}}',
  ],
];

describe.each([
  ["results", results],
  ["refusals", refusals],
] as const)("%s", (_, pins) => {
  test.each(pins)("%s", async (_title, send, status, text) => {
    const answer = await send(await openScene());
    expect(withoutSeals(answer.text)).toBe(text);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["x-tollgate-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test("who sends no key is told which scheme there is", async () => {
  const { gate } = await openScene();
  const { headers } = await post(`${gate.url}/mcp`, "{}", { accept });
  expect(headers["www-authenticate"]).toBe('Bearer realm="tollgate"');
});

test("a session is named by a header, and a notification is taken without a word", async () => {
  const { gate } = await openScene();
  const client = await legacyClient(gate, agent);
  expect(client.headers["mcp-session-id"]).toMatch(/^[\w-]+$/);
  const { status, text, headers } = await client.say({ method: "notifications/initialized" });
  expect([status, text, headers["content-length"]]).toEqual([202, "", "0"]);
  expect(await client.leave()).toBe(200);
  expect((await client.ask("ping")).status).toBe(404);
});
