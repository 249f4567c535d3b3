// What a call to a model costs in the gate: against the provider itself, a bare pass-through, which is the ceiling for software of
// our make, and Portkey, a gateway of others. CPU of all processes of a subject, rate and added latency, for short calls,
// streams and the long bodies of Claude Code. The subjects take turns in each round, and ratios are of one round, so that a
// busy machine spoils the absolute figures and not these. Authentication, prices and recording are on in the gate.

import { join } from "node:path";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { cpuSeconds, median, runLoad, type LoadOptions } from "./load.ts";
import { headersOf, longBody, shortBody, streamBody } from "./model-requests.ts";
import { portkeyHeaders, startPortkey, type Portkey } from "./portkey.ts";
import { report, type Figure } from "./report.ts";

const rounds = 5;
const roundSeconds = 2;
const warmUpSeconds = 3;
const path = "/anthropic/v1/messages";

type Kind = "plain" | "stream";
type Load = { readonly name: string; readonly kind: Kind; readonly body: Buffer; readonly connections: number };
type Subject = {
  readonly name: string;
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined where nobody asks what it uses. */
  readonly pid: number | undefined;
};
type Round = { readonly cpuUs: number; readonly rate: number; readonly p50: number };
type Results = ReadonlyMap<string, Round[]>;

const expected: Record<Kind, string> = { plain: '"end_turn"', stream: '"message_stop"' };

export async function benchModels(): Promise<void> {
  const loads: readonly Load[] = [
    // Most calls first: by the second all subjects run what their engine has compiled for good.
    { name: "messages c64", kind: "plain", body: shortBody, connections: 64 },
    { name: "messages c1", kind: "plain", body: shortBody, connections: 1 },
    { name: "streams of 64 chunks c16", kind: "stream", body: streamBody, connections: 16 },
    { name: "messages of 580 kB c4", kind: "plain", body: longBody(), connections: 4 },
  ];
  await using database = await createDatabase("bench models");
  await using stack = await startStack({ databaseUrl: database.url });
  await using portkey = await startPortkey();
  const { id: teamId } = await createTeam(stack.admin, "bench");
  for (const kind of ["plain", "stream"] as const) {
    await using answerer = await startHere("model-answerer.ts", kind);
    const providerUrl = await urlOf(answerer);
    const credentials = [{ name: "first", value: "sk-ant-bench" }];
    await registerProvider(stack.admin, { name: kind, kind: "ANTHROPIC", baseUrl: providerUrl, credentials });
    const { secret } = await issueKey(stack.admin, { name: kind, teamId, models: [`${kind}/*`] });
    await using bare = await startHere("bare-proxy.ts", providerUrl, "all-headers");
    const gate = {
      name: "tollgate",
      origin: stack.proxy().url,
      path,
      headers: headersOf(secret),
      pid: stack.proxy().pid,
    };
    const charged = {
      ...gate,
      name: "tollgate with a budget and limits",
      headers: headersOf(await chargedKey(stack, kind, teamId)),
    };
    const subjects: readonly Subject[] = [
      { name: "direct", origin: providerUrl, path, headers: headersOf("sk-ant-bench"), pid: undefined },
      { name: "bare", origin: await urlOf(bare), path, headers: headersOf("sk-ant-bench"), pid: bare.pid },
      gate,
      charged,
      ...(portkey === undefined ? [] : [portkeyBefore(providerUrl, portkey)]),
    ];
    for (const subject of [gate, charged])
      await until(() => isServed(subject, kind), { what: `the ${kind} provider to be served` });
    for (const load of loads) if (load.kind === kind) await compare(load, subjects);
  }
}

/** Its calls hold of a budget and of two limits, none of which is ever short. */
async function chargedKey({ admin }: Stack, kind: Kind, teamId: string): Promise<string> {
  const { id: keyId, secret } = await issueKey(admin, { name: `${kind}-charged`, teamId, models: [`${kind}/*`] });
  const scope = { keyId };
  const budget = { name: `${kind}-charged`, scope, limit: "1000000", period: "TOTAL" };
  const requests = { name: `${kind}-requests`, scope, measure: "REQUESTS", amount: "1000000000", window: "HOUR" };
  const calls = { name: `${kind}-calls`, scope, measure: "CONCURRENT_CALLS", amount: "100000" };
  await admin.run("mutation ($input: CreateBudgetInput!) { createBudget(input: $input) { __typename } }", {
    input: budget,
  });
  for (const input of [requests, calls])
    await admin.run("mutation ($input: CreateLimitInput!) { createLimit(input: $input) { __typename } }", { input });
  return secret;
}

function portkeyBefore(providerUrl: string, { origin, pid }: Portkey): Subject {
  const headers = { ...headersOf("sk-ant-bench"), ...portkeyHeaders(providerUrl) };
  return { name: "portkey", origin, path: "/v1/messages", headers, pid };
}

async function startHere(file: string, ...args: string[]): Promise<RunningProcess> {
  return startProcess({ name: file, args: [join(import.meta.dirname, file), ...args] });
}

async function urlOf(running: RunningProcess): Promise<string> {
  const [, url = ""] = await running.waitForLine(/"url":"(http[^"]+)"/);
  return url;
}

async function isServed({ origin, headers }: Subject, kind: Kind): Promise<boolean> {
  const body = kind === "plain" ? shortBody : streamBody;
  const answer = await fetch(`${origin}${path}`, { method: "POST", headers, body: body.toString() });
  return (await answer.text()).includes(expected[kind]);
}

async function compare(load: Load, subjects: readonly Subject[]): Promise<void> {
  const results: Results = new Map(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await runLoad(optionsOf(subject, load, warmUpSeconds));
  for (let round = 0; round < rounds; round++)
    for (const subject of subjects) results.get(subject.name)?.push(await measure(subject, load));
  const bench = `models: ${load.name}`;
  for (const { name, pid } of subjects) {
    const middle = (of: keyof Round): number => median(figures(results, name, of));
    if (pid !== undefined) report({ bench, subject: `${name} CPU per call`, value: middle("cpuUs"), unit: "µs" });
    report({ bench, subject: `${name} rate`, value: middle("rate"), unit: "calls/s" });
    report({ bench, subject: `${name} p50`, value: middle("p50"), unit: "ms" });
  }
  for (const { name, pid } of subjects) {
    if (pid === undefined || name === "bare") continue;
    const toBare = (of: keyof Round): number[] => inPairs(results, [name, "bare"], of, (one, bare) => one / bare);
    reportSpread({ bench, subject: `${name} CPU per call to bare`, unit: "ratio" }, toBare("cpuUs"));
    report({ bench, subject: `${name} rate to bare`, value: median(toBare("rate")), unit: "ratio" });
  }
  const added = inPairs(
    results,
    ["tollgate with a budget and limits", "tollgate"],
    "cpuUs",
    (charged, plain) => charged - plain,
  );
  reportSpread({ bench, subject: "budget and limits, CPU per call", unit: "µs" }, added);
  // Where many wait, who is behind whom decides, and not what a call costs.
  if (load.connections > 1) return;
  for (const { name } of subjects.filter(({ name }) => name !== "direct")) {
    const addedMs = inPairs(results, [name, "direct"], "p50", (through, direct) => through - direct);
    reportSpread({ bench, subject: `${name} added p50`, unit: "ms" }, addedMs);
  }
}

function figures(results: Results, name: string, of: keyof Round): number[] {
  return (results.get(name) ?? []).map((round) => round[of]);
}

/** Of each round by itself. */
function inPairs(
  results: Results,
  [name, other]: readonly [string, string],
  of: keyof Round,
  join: (one: number, other: number) => number,
): number[] {
  const others = figures(results, other, of);
  return figures(results, name, of).map((value, round) => join(value, others[round] ?? Number.NaN));
}

/** The median, and what the rounds are between. */
function reportSpread(figure: Omit<Figure, "value">, values: readonly number[]): void {
  report({ ...figure, value: median(values) });
  report({ ...figure, subject: `${figure.subject}, least`, value: Math.min(...values) });
  report({ ...figure, subject: `${figure.subject}, most`, value: Math.max(...values) });
}

async function measure(subject: Subject, load: Load): Promise<Round> {
  const cpuSecondsNow = async (): Promise<number> => (subject.pid === undefined ? 0 : cpuSeconds(subject.pid));
  const before = await cpuSecondsNow();
  const result = await runLoad(optionsOf(subject, load, roundSeconds));
  const cpu = (await cpuSecondsNow()) - before;
  return { cpuUs: (cpu / result.calls) * 1e6, rate: result.calls / result.seconds, p50: result.p50 };
}

function optionsOf(
  { origin, path, headers }: Subject,
  { kind, body, connections }: Load,
  secondsMax: number,
): LoadOptions {
  const expect = expected[kind];
  return { origin, path, headers: [headers], body, connections, calls: Infinity, secondsMax, expect };
}
