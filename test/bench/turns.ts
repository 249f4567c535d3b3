// Subjects that take turns in each round of a benchmark: rate, latency, and CPU of all processes of a subject. A figure that
// relates two subjects is taken of each round by itself, so that a machine that grows slow or busy spoils the absolute figures
// and not these; how far the rounds lie apart is said with it. In a round they take turns many times, each on connections that stay:
// the machine's speed may change by half within a second.

import { cpuOf, median, openLoad, percentile, type Cpu, type Load, type LoadOptions } from "./load.ts";
import { report, type Figure } from "./report.ts";

export type Instance = {
  readonly origin: string;
  /** Undefined where nobody asks what it uses. */
  readonly pid: number | undefined;
};

export type Subject = {
  readonly name: string;
  /** One, or several that are alike and take the subject's rounds in turn. */
  readonly at: readonly [Instance, ...Instance[]];
  readonly asked: Pick<LoadOptions, "path" | "headers" | "body" | "expect">;
};

export type Round = { readonly cpuUs: number; readonly rate: number; readonly p50: number; readonly p99: number };

/**
 * In a shift: so long each has calls before it is measured, because who was idle is slower at first, and so long with it. The gate
 * sends its facts off every 200 ms from the first call on: so that once of it is measured, with the facts of so long.
 */
const leadSeconds = 0.1;
const shiftSeconds = 0.2;

export const usualTurns = { rounds: 30, shifts: 4 };

export type Turns = {
  readonly rounds: number;
  readonly connections: number;
  readonly everyMs?: number;
  /** Of each subject in each round. */
  readonly shifts: number;
};

/**
 * By its end all subjects run what their engine has compiled for good. With one call at a time that takes seconds: what is
 * compiled meanwhile is a tenth of their CPU, and the more the more code a subject has.
 */
const warmUp = { calls: 25_000, secondsMax: 12 };

export class Results {
  private readonly rounds: Map<string, Round[]>;

  constructor(subjects: readonly Subject[]) {
    this.rounds = new Map(subjects.map(({ name }) => [name, []]));
  }

  add(name: string, round: Round): void {
    this.rounds.get(name)?.push(round);
  }

  of(name: string, figure: keyof Round): number[] {
    return (this.rounds.get(name) ?? []).map((round) => round[figure]);
  }

  middle(name: string, figure: keyof Round): number {
    return median(this.of(name, figure));
  }

  /** Of each round by itself. */
  related(one: string, other: string, figure: keyof Round, join: (one: number, other: number) => number): number[] {
    const others = this.of(other, figure);
    return this.of(one, figure).map((value, round) => join(value, others[round] ?? Number.NaN));
  }
}

export async function warmUpAll(subjects: readonly Subject[], turns: Turns): Promise<void> {
  for (const subject of subjects)
    for (const instance of subject.at) {
      await using load = openLoad(loadOf(subject, instance, turns));
      await load.run(warmUp.secondsMax, warmUp.calls);
    }
}

export async function takeTurns(subjects: readonly Subject[], turns: Turns): Promise<Results> {
  const results = new Results(subjects);
  for (let round = 0; round < turns.rounds; round++) {
    await using ending = new AsyncDisposableStack();
    const runners: Runner[] = [];
    for (const subject of subjects) runners.push(await startRunner(subject, round, turns, ending));
    for (let shift = 0; shift < turns.shifts; shift++)
      // There and back: whoever is always the last has a machine that has grown warm, or slow, or quick.
      for (const runner of (round + shift) % 2 === 0 ? runners : [...runners].reverse()) await runShift(runner);
    for (const runner of runners) results.add(runner.name, roundOf(runner));
  }
  return results;
}

/** A subject in one round. */
type Runner = {
  readonly name: string;
  readonly load: Load;
  readonly cpu: Cpu | undefined;
  readonly latencies: number[];
  cpuSeconds: number;
  seconds: number;
};

async function startRunner(
  subject: Subject,
  round: number,
  turns: Turns,
  ending: AsyncDisposableStack,
): Promise<Runner> {
  const instance = subject.at[round % subject.at.length] ?? subject.at[0];
  const load = ending.use(openLoad(loadOf(subject, instance, turns)));
  const cpu = instance.pid === undefined ? undefined : await cpuOf(instance.pid);
  return { name: subject.name, load, cpu, latencies: [], cpuSeconds: 0, seconds: 0 };
}

async function runShift(runner: Runner): Promise<void> {
  const { load, cpu } = runner;
  await load.run(leadSeconds);
  const before = cpu?.seconds() ?? 0;
  const { seconds, latencies } = await load.run(shiftSeconds);
  runner.cpuSeconds += (cpu?.seconds() ?? 0) - before;
  runner.seconds += seconds;
  runner.latencies.push(...latencies);
}

function roundOf({ latencies, cpuSeconds, seconds }: Runner): Round {
  const calls = latencies.length;
  const sorted = latencies.sort((a, b) => a - b);
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  return { cpuUs: (cpuSeconds / calls) * 1e6, rate: calls / seconds, p50, p99 };
}

function loadOf({ asked }: Subject, { origin }: Instance, { connections, everyMs = 0 }: Turns): LoadOptions {
  return { ...asked, origin, connections, everyMs };
}

/** What each subject had by itself: for the record, comparable in one run only. */
export function reportEach(bench: string, subjects: readonly Subject[], results: Results): void {
  for (const subject of subjects) {
    const { name } = subject;
    const middle = (figure: keyof Round): number => results.middle(name, figure);
    if (isProcess(subject)) report({ bench, subject: `${name} CPU per call`, value: middle("cpuUs"), unit: "µs" });
    report({ bench, subject: `${name} rate`, value: middle("rate"), unit: "calls/s" });
    report({ bench, subject: `${name} p50`, value: middle("p50"), unit: "ms" });
  }
}

/** CPU and rate as parts of the bare pass-through's, and where one call is under way what is added to the way without anything. */
export function reportToBare(bench: string, subjects: readonly Subject[], results: Results, connections: number): void {
  const ratio = (one: number, bare: number): number => one / bare;
  for (const { name } of subjects.filter(isProcess)) {
    if (name === "bare") continue;
    reportSpread(
      { bench, subject: `${name} CPU per call to bare`, unit: "ratio" },
      results.related(name, "bare", "cpuUs", ratio),
    );
    report({
      bench,
      subject: `${name} rate to bare`,
      value: median(results.related(name, "bare", "rate", ratio)),
      unit: "ratio",
    });
  }
  // Where many wait, who is behind whom decides, and not what a call costs.
  if (connections > 1) return;
  for (const { name } of subjects.filter(({ name }) => name !== "direct"))
    reportSpread(
      { bench, subject: `${name} added p50`, unit: "ms" },
      results.related(name, "direct", "p50", difference),
    );
}

function isProcess({ at: [{ pid }] }: Subject): boolean {
  return pid !== undefined;
}

export function difference(one: number, other: number): number {
  return one - other;
}

/** The median, and what half of the rounds are between. */
export function reportSpread(figure: Omit<Figure, "value">, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  report({ ...figure, value: median(values) });
  report({ ...figure, subject: `${figure.subject}, first quarter`, value: percentile(sorted, 0.25) });
  report({ ...figure, subject: `${figure.subject}, third quarter`, value: percentile(sorted, 0.75) });
}
