// A small MCP server for tests, benchmarks and the compose file: Streamable HTTP of 2025-11-25, or with ERA=modern of
// 2026-07-28, without a dependency, so that it starts with nothing but Node. Tools: `echo` gives back its arguments, `add` adds two numbers, `slow` waits. What it
// does is chosen by the environment: PORT (0 picks one), HOST, SESSIONS=1 (sessions, and ids are tracked within them as real
// servers do), SSE=1 (answers as event streams), REQUIRE_HEADER="name: value" (others are refused with 401), TOOLS=n (so many more in its list). It prints one
// line of JSON with its URL when it listens, and `GET /seen` tells which header names and calls came.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 8090);
const host = process.env.HOST ?? "127.0.0.1";
const hasSessions = process.env.SESSIONS === "1";
const usesEventStream = process.env.SSE === "1";
const isModern = process.env.ERA === "modern";
const modernVersion = "2026-07-28";
const [requiredName, requiredValue] = (process.env.REQUIRE_HEADER ?? "").split(/:\s*/, 2);
const versions = ["2025-11-25", "2025-06-18", "2025-03-26"];
const bodyBytesMax = 8 * 1024 * 1024;

const object = (properties, required) => ({ type: "object", properties, required });
const tools = [
  { name: "echo", description: "Gives back what it was sent.", inputSchema: { type: "object" } },
  {
    name: "add",
    description: "Adds two numbers.",
    inputSchema: object({ a: { type: "number" }, b: { type: "number" } }, ["a", "b"]),
  },
  {
    name: "slow",
    description: "Answers after some milliseconds.",
    inputSchema: object({ ms: { type: "number" } }, ["ms"]),
  },
];

for (let n = 1; n <= Number(process.env.TOOLS ?? 0); n++)
  tools.push({
    name: `tool_${n}`,
    description: `The ${n}th of many tools, which are there to make a list long. It does what "echo" does. ${"x".repeat(200)}`,
    inputSchema: object({ path: { type: "string" }, limit: { type: "integer", default: n } }, ["path"]),
  });

/** Session id -> request id -> the response that waits for it. */
const sessions = new Map();
const seen = { calls: 0, cancelled: 0, open: 0, headerNames: [] };

const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  if (path === "/healthz") return send(response, 200, { status: "ok" });
  if (path === "/seen") return send(response, 200, { ...seen, sessions: sessions.size });
  if (path !== "/mcp") return send(response, 404, { error: "not found" });
  if (requiredName && request.headers[requiredName.toLowerCase()] !== requiredValue)
    return send(response, 401, { error: "unauthorized" });
  if (request.method === "DELETE") return endSession(request, response);
  if (request.method !== "POST") return response.writeHead(405, { allow: "POST, DELETE" }).end();
  collect(request, response);
});

function collect(request, response) {
  const chunks = [];
  let bytes = 0;
  request.on("data", (chunk) => {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) request.destroy();
    else chunks.push(chunk);
  });
  request.on("end", () => {
    let message;
    try {
      message = JSON.parse(Buffer.concat(chunks));
    } catch {
      return send(response, 400, failure(null, -32700, "Parse error"));
    }
    receive(request, response, message);
  });
}

function receive(request, response, message) {
  seen.headerNames = Object.keys(request.headers);
  if (isModern && request.headers["mcp-protocol-version"] !== modernVersion) {
    const error = failure(message.id ?? null, -32022, "Unsupported protocol version");
    error.error.data = { supported: [modernVersion], requested: message.params?.protocolVersion ?? "" };
    return send(response, 400, error);
  }
  const id = request.headers["mcp-session-id"];
  if (hasSessions && message.method !== "initialize" && !sessions.has(id))
    return send(response, id === undefined ? 400 : 404, failure(message.id ?? null, -32600, "Session not found"));
  if (message.id === undefined) {
    if (message.method === "notifications/cancelled") seen.cancelled++;
    return response.writeHead(202).end();
  }
  // As in the official SDK, the answer goes to whoever sent this id last in this session.
  const waiting = sessions.get(id);
  waiting?.set(message.id, response);
  seen.open++;
  response.once("close", () => seen.open--);
  handle(message, (answer, headers) => answerWith(waiting?.get(message.id) ?? response, answer, headers));
}

function handle({ id, method, params }, done) {
  const type = isModern ? { resultType: "complete" } : {};
  const result = (value, headers) => done({ jsonrpc: "2.0", id, result: { ...type, ...value } }, headers);
  const text = (value) => result({ content: [{ type: "text", text: value }] });
  const hints = isModern ? { ttlMs: 60_000, cacheScope: "public" } : {};
  if (isModern && method === "server/discover")
    return result({ supportedVersions: [modernVersion], capabilities: { tools: {} }, ...hints });
  if (method === "initialize") {
    const protocolVersion = versions.includes(params?.protocolVersion) ? params.protocolVersion : versions[0];
    const serverInfo = { name: "tollgate-example", version: "1.0.0" };
    return result({ protocolVersion, capabilities: { tools: {} }, serverInfo }, hasSessions ? openSession() : {});
  }
  if (method === "ping") return result({});
  if (method === "tools/list") return result({ tools, ...hints });
  if (method !== "tools/call") return done(failure(id, -32601, `Method not found: ${method}`));
  seen.calls++;
  const given = params?.arguments ?? {};
  if (params?.name === "echo") return text(JSON.stringify(given));
  if (params?.name === "add") return text(String(Number(given.a) + Number(given.b)));
  if (params?.name === "slow") return void setTimeout(() => text(`waited ${Number(given.ms)} ms`), Number(given.ms));
  done(failure(id, -32602, `Unknown tool: ${params?.name}`));
}

function openSession() {
  const id = randomUUID();
  sessions.set(id, new Map());
  return { "mcp-session-id": id };
}

function endSession(request, response) {
  response.writeHead(sessions.delete(request.headers["mcp-session-id"]) ? 200 : 404).end();
}

function answerWith(response, answer, headers = {}) {
  if (!usesEventStream) return send(response, 200, answer, headers);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...headers });
  response.end(`event: message\ndata: ${JSON.stringify(answer)}\n\n`);
}

function failure(id, code, message) {
  return { jsonrpc: "2.0", id, error: { code, message } };
}

function send(response, status, body, headers = {}) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

server.listen(port, host, () => {
  process.stdout.write(`${JSON.stringify({ url: `http://${host}:${server.address().port}/mcp` })}\n`);
});
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
