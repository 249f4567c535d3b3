// The bare pass-through that every figure of the proxy is held against: node:http in front, an undici pool behind,
// streaming both ways, no logic at all. It is the ceiling for software of our make; what the gate costs is the difference.
// Run as a process of its own, so that its CPU can be read apart: `node bare-proxy.ts <upstream origin> [all-headers]`. Of
// MCP it relays the few headers that are the protocol's; with `all-headers`, as calls to models need it, all that are not of the connection.

import { createServer, type IncomingMessage } from "node:http";
import { Pool } from "undici";

const [origin, which] = process.argv.slice(2);
if (origin === undefined) throw new Error("usage: bare-proxy <upstream origin> [all-headers]");
const areAllRelayed = which === "all-headers";
const pool = new Pool(origin, { connections: 128, pipelining: 1 });

const names = ["content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"];

const ofConnection = new Set(["connection", "host", "keep-alive", "transfer-encoding"]);

function relayed({ headers, rawHeaders }: Pick<IncomingMessage, "headers" | "rawHeaders">): string[] {
  if (areAllRelayed) return endToEnd(rawHeaders);
  const lines: string[] = [];
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string") lines.push(name, value);
  }
  return lines;
}

function endToEnd(raw: readonly (Buffer | string)[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = String(raw[at]);
    if (!ofConnection.has(name.toLowerCase())) lines.push(name, String(raw[at + 1]));
  }
  return lines;
}

const server = createServer((request, response) => {
  pool.dispatch(
    {
      path: request.url ?? "/",
      method: request.method === "POST" ? "POST" : "GET",
      headers: relayed(request),
      body: request.method === "POST" ? request : null,
    },
    {
      onRequestStart: () => undefined,
      onResponseStart: ({ rawHeaders }, status, headers) => {
        if (areAllRelayed && Array.isArray(rawHeaders)) response.writeHead(status, endToEnd(rawHeaders));
        else response.writeHead(status, { "content-type": String(headers["content-type"] ?? "application/json") });
      },
      onResponseData: (controller, chunk) => {
        if (!response.write(chunk)) {
          controller.pause();
          response.once("drain", () => controller.resume());
        }
      },
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    },
  );
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address)
    console.log(JSON.stringify({ ready: { url: `http://127.0.0.1:${address.port}` } }));
});
process.on("SIGTERM", () => process.exit(0));
