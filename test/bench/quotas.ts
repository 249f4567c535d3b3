// What budgets, limits and policies cost: the same call to a model of a key that none of them is about, and of one that holds of
// a budget and of two limits and is looked at by policies. The control plane, where the ledger is, is 25 ms away, as from
// another region: CPU of the gate, latency, and what proxies ask of the ledger. Nothing is ever short. A bare pass-through is
// beside them, because what is added is microseconds of the machine that it was measured on. The two keys take turns at one gate,
// which speaks with the ledger at its own times, whosever turn it is: what that costs is measured by itself, and added.

import { join } from "node:path";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { createPolicy } from "../support/policy-operations.ts";
import { createBudget, createLimit } from "../support/quota-operations.ts";
import { startProcess } from "../support/processes.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { startBares } from "./bares.ts";
import { exchangeCost, ledgerLoad } from "./exchanges.ts";
import { openLoad } from "./load.ts";
import { headersOf, shortBody } from "./model-requests.ts";
import { report } from "./report.ts";
import { difference, reportSpread, takeTurns, usualTurns, warmUpAll, type Subject } from "./turns.ts";

const loads = [
  { name: "messages c64", connections: 64 },
  { name: "messages c1", connections: 1 },
  // Far from what the machine can do, so that what is added is the wait for the ledger and not the one for a processor.
  { name: "400 messages a second c16", connections: 16, everyMs: 40 },
];
const turns = { ...usualTurns, rounds: 60 };
const lendingSeconds = 10;
const controlAwayMs = 25;
const path = "/anthropic/v1/messages";
const expect = '"end_turn"';

export async function benchQuotas(): Promise<void> {
  await using database = await createDatabase("bench quotas");
  await using stack = await startStack({ databaseUrl: database.url, controlAwayMs });
  await using answerer = await startProcess({
    name: "model-answerer.ts",
    args: [join(import.meta.dirname, "model-answerer.ts"), "plain"],
  });
  const [, baseUrl = ""] = await answerer.waitForLine(/"url":"(http[^"]+)"/);
  const credentials = [{ name: "first", value: "sk-ant-bench" }];
  await registerProvider(stack.admin, { name: "plain", kind: "ANTHROPIC", baseUrl, credentials });
  const keys = { free: await teamKey(stack, "free"), held: await heldKey(stack) };
  await using bares = await startBares(baseUrl, "all-headers");
  const { url: origin, pid } = stack.proxy();
  const subjectOf = (name: string, secret: string): Subject => {
    return { name, at: [{ origin, pid }], asked: { path, headers: [headersOf(secret)], body: shortBody, expect } };
  };
  const asked = { path, headers: [headersOf("sk-ant-bench")], body: shortBody, expect };
  const bare: Subject = { name: "bare", at: bares.at, asked };
  const free = subjectOf("without", keys.free.secret);
  const held = subjectOf("with", keys.held);
  for (const subject of [free, held]) await until(() => isServed(subject), { what: "the provider to be served" });
  const measured: Measured[] = [];
  for (const load of loads) measured.push(await compare(stack, [free, bare, held], load));
  const exchangeUs = await exchangeCost(stack, () => isServed(held));
  report({ bench: "quotas", subject: "gate's CPU per exchange with the ledger", value: exchangeUs, unit: "µs" });
  for (const { bench, addedUs, bareUs, exchanges } of measured) {
    const inAll = addedUs.map((added) => added + exchangeUs * exchanges);
    reportSpread({ bench, subject: "added CPU per call", unit: "µs" }, inAll);
    const toBare = inAll.map((added, round) => added / (bareUs[round] ?? Number.NaN));
    reportSpread({ bench, subject: "added CPU per call to bare", unit: "ratio" }, toBare);
  }
}

async function teamKey(stack: Stack, name: string): Promise<{ id: string; secret: string; teamId: string }> {
  const { id: teamId } = await createTeam(stack.admin, name);
  return { ...(await issueKey(stack.admin, { name, teamId, models: ["plain/*"] })), teamId };
}

async function heldKey(stack: Stack): Promise<string> {
  const { admin } = stack;
  const { id: keyId, secret, teamId } = await teamKey(stack, "held");
  const scope = { keyId };
  await createBudget(admin, { name: "money", scope, limit: "1000000", period: "TOTAL" });
  await createLimit(admin, { name: "requests", scope, measure: "REQUESTS", amount: "1000000000", window: "HOUR" });
  await createLimit(admin, { name: "calls", scope, measure: "CONCURRENT_CALLS", amount: "100000" });
  const covers = { teamIds: [teamId] };
  await createPolicy(admin, "no-opus", { match: "call.model == 'claude-opus-4'", covers, deny: {} });
  await createPolicy(admin, "no-streams", {
    match: "principal.team.name == 'interns' && call.stream",
    covers,
    deny: {},
  });
  return secret;
}

async function isServed({ at: [{ origin }], asked: { path, headers, body } }: Subject): Promise<boolean> {
  const answer = await fetch(`${origin}${path}`, { method: "POST", headers: headers[0] ?? {}, body: body.toString() });
  return (await answer.text()).includes(expect);
}

/** Of each round; without the exchanges of the gate with the ledger, of which there are so many for one call. */
type Measured = {
  readonly bench: string;
  readonly addedUs: readonly number[];
  readonly bareUs: readonly number[];
  readonly exchanges: number;
};

async function compare(
  stack: Stack,
  subjects: readonly [free: Subject, bare: Subject, held: Subject],
  load: (typeof loads)[number],
): Promise<Measured> {
  const bench = `quotas: ${load.name}`;
  const [free, bare, held] = subjects;
  await warmUpAll(subjects, { ...turns, ...load });
  const exchanges = await lendingOf(stack, bench, held, load);
  const results = await takeTurns(subjects, { ...turns, ...load });
  for (const { name } of subjects) {
    report({ bench, subject: `${name}, CPU per call`, value: results.middle(name, "cpuUs"), unit: "µs" });
    report({ bench, subject: `${name}, p50`, value: results.middle(name, "p50"), unit: "ms" });
    report({ bench, subject: `${name}, p99`, value: results.middle(name, "p99"), unit: "ms" });
  }
  for (const figure of ["p50", "p99"] as const)
    reportSpread(
      { bench, subject: `added ${figure}`, unit: "ms" },
      results.related(held.name, free.name, figure, difference),
    );
  const addedUs = results.related(held.name, free.name, "cpuUs", difference);
  reportSpread({ bench, subject: "added CPU per call without exchanges", unit: "µs" }, addedUs);
  return { bench, addedUs, bareUs: results.of(bare.name, "cpuUs"), exchanges };
}

/** What is asked of the ledger while calls come all the time. Answers with the exchanges for one call. */
async function lendingOf(
  stack: Stack,
  bench: string,
  { at: [{ origin }], asked }: Subject,
  load: (typeof loads)[number],
): Promise<number> {
  await using calls = openLoad({ ...asked, origin, ...load });
  const before = await ledgerLoad(stack);
  const { latencies } = await calls.run(lendingSeconds);
  const after = await ledgerLoad(stack);
  const thousands = latencies.length / 1_000;
  for (const [subject, of, unit] of [
    ["ledger exchanges for 1,000 calls", "exchanges", "count"],
    ["leases spoken of for 1,000 calls", "statements", "count"],
  ] as const)
    report({ bench, subject, value: (after[of] - before[of]) / thousands, unit });
  // With all that it does for them: it takes in their facts, too.
  const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1_000;
  report({ bench, subject: "control plane CPU for 1,000 calls", value: cpuMs / thousands, unit: "ms" });
  return (after.exchanges - before.exchanges) / latencies.length;
}
