// What a tool call costs in the gate, against the bare pass-through that is the ceiling for software of our make: CPU of the
// gate's processes per call, throughput and added latency, alternating in one run, medians of several rounds. Authentication,
// authorisation and recording are on, because without them it would be another product.

import { fileURLToPath } from "node:url";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { createTeam, issueKey, registerServer } from "../support/operations.ts";
import { startProcess } from "../support/processes.ts";
import { startStack } from "../support/stack.ts";
import { cpuSeconds, median, runLoad, type LoadOptions } from "./load.ts";
import { report } from "./report.ts";

const rounds = 5;
const bareEntry = fileURLToPath(new URL("./bare-proxy.ts", import.meta.url));

type Subject = { name: string; origin: string; path: string; key: string; tool: string; pid: number | undefined };
type Round = { cpuUs: number; rate: number; p50: number };

export async function benchCalls(): Promise<void> {
  await using database = await createDatabase("bench calls");
  await using upstream = await startExampleMcp();
  await using bare = await startProcess({ name: "bare pass-through", args: [bareEntry, new URL(upstream.url).origin] });
  const [, bareUrl = ""] = await bare.waitForLine(/"url":"(http[^"]+)"/);
  await using stack = await startStack({ databaseUrl: database.url });
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(stack.admin, "bench");
  const { secret } = await issueKey(stack.admin, { name: "bench", teamId });
  const subjects: Subject[] = [
    { name: "direct", origin: new URL(upstream.url).origin, path: "/mcp", key: "", tool: "echo", pid: undefined },
    { name: "bare", origin: bareUrl, path: "/mcp", key: "", tool: "echo", pid: bare.pid },
    {
      name: "tollgate",
      origin: stack.proxy().url,
      path: "/mcp",
      key: secret,
      tool: "example__echo",
      pid: stack.proxy().pid,
    },
  ];
  for (const connections of [64, 1]) await compare(subjects, connections);
}

async function compare(subjects: readonly Subject[], connections: number): Promise<void> {
  // The CPU that is read has a grain of 10 ms: a round takes some hundreds of them.
  const calls = connections === 1 ? 5_000 : 16_000;
  const results = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await runLoad(load(subject, connections, calls));
  for (let round = 0; round < rounds; round++)
    for (const subject of subjects) results.get(subject.name)?.push(await measure(subject, connections, calls));
  const figure = (name: string, of: keyof Round): number => median((results.get(name) ?? []).map((round) => round[of]));
  const bench = `calls c${connections}`;
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

function load({ origin, path, key, tool }: Subject, connections: number, calls: number): LoadOptions {
  const text = "x".repeat(600);
  return {
    origin,
    path,
    connections,
    calls,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: { text } } }),
    expect: '"content"',
  };
}
