// What MCP costs in the gate, against the bare pass-through that is the ceiling for software of our make: CPU of the gate's
// processes per call, throughput and added latency, alternating in one run, medians of several rounds. Authentication,
// authorisation and recording are on, because without them it would be another product. Calls of clients and servers of both
// eras, and a list of 300 tools.

import { fileURLToPath } from "node:url";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startProcess } from "../support/processes.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { cpuSeconds, median, runLoad, type LoadOptions } from "./load.ts";
import { report } from "./report.ts";

const rounds = 5;
const bareEntry = fileURLToPath(new URL("./bare-proxy.ts", import.meta.url));
const listedTools = 300;

type Era = "modern" | "legacy";
type Asking = Pick<LoadOptions, "body" | "expect"> & { readonly headers: readonly Readonly<Record<string, string>>[] };
type Subject = { name: string; origin: string; asking: Asking; pid: number | undefined };
type Round = { cpuUs: number; rate: number; p50: number };

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
    await using bare = await startProcess({
      name: "bare pass-through",
      args: [bareEntry, new URL(urls[server]).origin],
    });
    const [, bareUrl = ""] = await bare.waitForLine(/"url":"(http[^"]+)"/);
    const direct = await callOf(server, urls[server], "echo", {});
    const through = await callOf(client, `${gate.origin}/mcp`, names[server], { authorization });
    const subjects: Subject[] = [
      { name: "direct", origin: new URL(urls[server]).origin, asking: direct, pid: undefined },
      { name: "bare", origin: bareUrl, asking: direct, pid: bare.pid },
      { name: "tollgate", ...gate, asking: through },
    ];
    for (const connections of [64, 1])
      await compare(`calls ${client} x ${server} c${connections}`, subjects, connections);
  }
  await benchList(modern.url, gate, authorization);
}

async function benchList(url: string, gate: { origin: string; pid: number }, authorization: string): Promise<void> {
  await using bare = await startProcess({ name: "bare pass-through", args: [bareEntry, new URL(url).origin] });
  const [, bareUrl = ""] = await bare.waitForLine(/"url":"(http[^"]+)"/);
  const { headers, body } = mcpRequest("tools/list");
  const asking = (more: Record<string, string>): Asking => ({
    body,
    headers: [{ ...headers, ...more }],
    expect: `tool_${listedTools}`,
  });
  const subjects: Subject[] = [
    { name: "direct", origin: new URL(url).origin, asking: asking({}), pid: undefined },
    { name: "bare", origin: bareUrl, asking: asking({}), pid: bare.pid },
    { name: "tollgate", ...gate, asking: asking({ authorization }) },
  ];
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

async function compare(bench: string, subjects: readonly Subject[], connections: number): Promise<void> {
  // The CPU that is read has a grain of 10 ms: a round takes some hundreds of them.
  const calls = connections === 1 ? 5_000 : 16_000;
  const results = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await runLoad(load(subject, connections, calls));
  for (let round = 0; round < rounds; round++)
    for (const subject of subjects) results.get(subject.name)?.push(await measure(subject, connections, calls));
  const figure = (name: string, of: keyof Round): number => median((results.get(name) ?? []).map((round) => round[of]));
  for (const { name, pid } of subjects) {
    if (pid !== undefined) report({ bench, subject: `${name} CPU per call`, value: figure(name, "cpuUs"), unit: "µs" });
    report({ bench, subject: `${name} rate`, value: figure(name, "rate"), unit: "calls/s" });
    report({ bench, subject: `${name} p50`, value: figure(name, "p50"), unit: "ms" });
  }
  const ratio = (of: keyof Round): number => figure("tollgate", of) / figure("bare", of);
  report({ bench, subject: "CPU per call to bare", value: ratio("cpuUs"), unit: "ratio" });
  report({ bench, subject: "rate to bare", value: ratio("rate"), unit: "ratio" });
  const added = figure("tollgate", "p50") - figure("direct", "p50");
  report({ bench, subject: "added p50", value: added, unit: "ms" });
}

async function measure(subject: Subject, connections: number, calls: number): Promise<Round> {
  const before = subject.pid === undefined ? 0 : await cpuSeconds(subject.pid);
  const result = await runLoad(load(subject, connections, calls));
  const after = subject.pid === undefined ? 0 : await cpuSeconds(subject.pid);
  return { cpuUs: ((after - before) / result.calls) * 1e6, rate: result.calls / result.seconds, p50: result.p50 };
}

function load({ origin, asking }: Subject, connections: number, calls: number): LoadOptions {
  return { origin, path: "/mcp", connections, calls, ...asking };
}
