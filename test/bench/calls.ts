// What MCP costs in the gate, against the bare pass-through that is the ceiling for software of our make: CPU of the gate's
// processes per call, throughput and added latency. Authentication, authorisation and recording are on, because without them
// it would be another product. Calls of clients and servers of both eras, and a list of 300 tools.

import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { startBares, type Bares } from "./bares.ts";
import type { LoadOptions } from "./load.ts";
import { reportEach, reportToBare, takeTurns, usualTurns, warmUpAll, type Instance, type Subject } from "./turns.ts";

const listedTools = 300;

type Era = "modern" | "legacy";
type Asking = Pick<LoadOptions, "body" | "expect"> & { readonly headers: readonly Readonly<Record<string, string>>[] };

const accept = "application/json, text/event-stream";

export async function benchCalls(): Promise<void> {
  await using database = await createDatabase("bench calls");
  await using modern = await startExampleMcp({ ERA: "modern", TOOLS: String(listedTools) });
  await using legacy = await startExampleMcp({ SESSIONS: "1" });
  await using stack = await startStack({ databaseUrl: database.url });
  for (const [name, { url }] of [["modern", modern] as const, ["legacy", legacy] as const])
    await registerServer(stack.admin, { name, url });
  const { id: teamId } = await createTeam(stack.admin, "bench");
  const { secret } = await issueKey(stack.admin, { name: "bench", teamId });
  const gate = { origin: stack.proxy().url, pid: stack.proxy().pid };
  const authorization = `Bearer ${secret}`;
  const urls = { modern: modern.url, legacy: legacy.url };
  const names = { modern: "modern__echo", legacy: "legacy__echo" };
  for (const name of Object.values(names))
    await until(async () => isServed(gate.origin, authorization, name), { what: `${name} to be served` });
  for (const [client, server] of [
    ["modern", "modern"],
    ["legacy", "legacy"],
    ["modern", "legacy"],
  ] as const) {
    await using bares = await startBares(new URL(urls[server]).origin);
    const direct = await callOf(server, urls[server], "echo", {});
    const through = await callOf(client, `${gate.origin}/mcp`, names[server], { authorization });
    const subjects = subjectsOf({ direct: urls[server], bares, gate }, direct, through);
    for (const connections of [64, 1])
      await compare(`calls ${client} x ${server} c${connections}`, subjects, connections);
  }
  await benchList(modern.url, gate, authorization);
}

async function benchList(url: string, gate: Instance, authorization: string): Promise<void> {
  await using bares = await startBares(new URL(url).origin);
  const { headers, body } = mcpRequest("tools/list");
  const asking = (more: Record<string, string>): Asking => ({
    body,
    headers: [{ ...headers, ...more }],
    expect: `tool_${listedTools}`,
  });
  const subjects = subjectsOf({ direct: url, bares, gate }, asking({}), asking({ authorization }));
  await compare(`tools/list ${listedTools} c8`, subjects, 8);
}

async function isServed(origin: string, authorization: string, name: string): Promise<boolean> {
  const { headers, body } = mcpRequest("tools/call", { name, arguments: {} });
  const answer = await fetch(`${origin}/mcp`, { method: "POST", headers: { ...headers, authorization }, body });
  return !(await answer.text()).includes("error");
}

/** What clients of an era send; of the legacy one each connection has a session of its own. */
async function callOf(era: Era, url: string, name: string, more: Record<string, string>): Promise<Asking> {
  const args = { text: "x".repeat(600) };
  const expect = '"content"';
  if (era === "modern") {
    const { headers, body } = mcpRequest("tools/call", { name, arguments: args });
    return { body, headers: [{ ...headers, ...more }], expect };
  }
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  const headers = await Promise.all(
    Array.from({ length: 64 }, async () => ({ ...(await openSession(url, more)), ...more })),
  );
  return { body, headers, expect };
}

async function openSession(url: string, more: Record<string, string>): Promise<Record<string, string>> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } };
  const headers = { "content-type": "application/json", accept, ...more };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const answer = await fetch(url, { method: "POST", headers, body });
  const id = answer.headers.get("mcp-session-id");
  if (id === null) throw new Error(`no session: ${await answer.text()}`);
  await answer.arrayBuffer();
  return { ...headers, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
}

/** Who is before the gate has what the gate has behind it. */
function subjectsOf(of: { direct: string; bares: Bares; gate: Instance }, direct: Asking, through: Asking): Subject[] {
  const { origin } = new URL(of.direct);
  const path = "/mcp";
  return [
    { name: "direct", at: [{ origin, pid: undefined }], asked: { path, ...direct } },
    { name: "bare", at: of.bares.at, asked: { path, ...direct } },
    { name: "tollgate", at: [of.gate], asked: { path, ...through } },
  ];
}

async function compare(bench: string, subjects: readonly Subject[], connections: number): Promise<void> {
  const turns = { ...usualTurns, connections };
  await warmUpAll(subjects, turns);
  const results = await takeTurns(subjects, turns);
  reportEach(bench, subjects, results);
  reportToBare(bench, subjects, results, connections);
}
