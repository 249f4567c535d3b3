// What the pins of the gate's wire are about: one gate with one legacy server whose every byte is chosen here, a key that
// reaches all, and the messages that clients send. The only thing that is not literal in what comes back is what is sealed
// anew each time; it is replaced by a word.

import { Era } from "@tollgate/schema/resources";
import {
  group,
  key,
  post,
  server,
  startGate,
  started,
  team,
  viewWith,
  type Answer,
  type Resource,
  type RunningGate,
} from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { startUpstream, type Incoming } from "../../data-plane/proxy/src/fixtures/upstream-fixture.ts";

/** Its order, its spaces and its numbers are the server's own. */
const tool = '{ "inputSchema" : {"type":"object"}, "name":"t", "description":"Says hi.", "own":1.0 }';
const asks = '{"name":"asks","inputSchema":{"type":"object"}}';
const question =
  '{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}}';

/** True for what is answered here. */
function answers({ method, id, params, response }: Incoming): boolean {
  const isList = method === "tools/list";
  if (!isList && method !== "tools/call") return false;
  if (params["name"] === "asks") {
    // What it asked is not waited for: the pins are about the question.
    response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${question}\n\n`);
    return true;
  }
  const result = isList ? `{"tools":[${tool},${asks}]}` : '{"content":[{"type":"text","text":"hi"}]}';
  const head = { "content-type": "application/json" };
  response.writeHead(200, head).end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
  return true;
}

export const agent = key(["*/*"]);
export const accept = "application/json, text/event-stream";
export const bearer = { authorization: `Bearer ${agent.text}`, accept };

export type Scene = { readonly gate: RunningGate; readonly resources: readonly Resource[] };

export async function openScene(): Promise<Scene> {
  const upstream = started(await startUpstream({ offer: { tools: [] }, onAny: answers }));
  const resources = [
    ...[team(), agent.resource, server("s", upstream.url), server("gone", "http://127.0.0.1:9/mcp")],
    ...[group("old", { eras: [Era.LEGACY] }), group("new", { eras: [Era.MODERN] })],
  ];
  return { gate: started(await startGate(viewWith(resources))), resources };
}

/** A message of a legacy client. */
export function say(
  { gate }: Scene,
  message: object | string,
  headers: Record<string, string> = {},
  path = "/mcp",
): Promise<Answer> {
  const body = typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", id: 1, ...message });
  return post(gate.url + path, body, { ...bearer, ...headers });
}

export function initialize(protocolVersion: string): object {
  return {
    method: "initialize",
    params: { protocolVersion, capabilities: {}, clientInfo: { name: "c", version: "1" } },
  };
}

export function withoutSeals(text: string): string {
  return text.replaceAll(/"(requestState|nextCursor)":"[\w-]+"/g, '"$1":"sealed"');
}
