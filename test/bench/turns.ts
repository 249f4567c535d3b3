// Subjects that take turns in each round of a benchmark: rate, latency, and CPU of all processes of a subject. A figure that
// relates two subjects is taken of each round by itself, so that a machine that grows slow or busy spoils the absolute figures
// and not these; how far the rounds lie apart is said with it.

import { cpuSeconds, median, percentile, runLoad, type LoadOptions } from "./load.ts";
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

/** So long each has calls before it is measured: who was idle while it was the others' turn is slower at first. */
export const leadSeconds = 0.3;

/** Many short rounds: the machine's speed may change within seconds by half, and what is compared has to be close together. */
export const usualTurns = { rounds: 30, seconds: 0.7 };

export type Turns = {
  readonly rounds: number;
  readonly connections: number;
  readonly everyMs?: number;
  readonly seconds: number;
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
    for (const instance of subject.at)
      await runLoad({ ...loadOf(subject, instance, turns, warmUp.secondsMax), calls: warmUp.calls });
}

export async function takeTurns(subjects: readonly Subject[], turns: Turns): Promise<Results> {
  const results = new Results(subjects);
  for (let round = 0; round < turns.rounds; round++)
    // There and back: whoever is always the last has a machine that has grown warm, or slow, or quick.
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse())
      results.add(subject.name, await measure(subject, round, turns));
  return results;
}

async function measure(subject: Subject, round: number, turns: Turns): Promise<Round> {
  const instance = subject.at[round % subject.at.length] ?? subject.at[0];
  await runLoad(loadOf(subject, instance, turns, leadSeconds));
  const cpuSecondsNow = async (): Promise<number> => (instance.pid === undefined ? 0 : cpuSeconds(instance.pid));
  const before = await cpuSecondsNow();
  const result = await runLoad(loadOf(subject, instance, turns, turns.seconds));
  const cpu = (await cpuSecondsNow()) - before;
  const { calls, p50, p99 } = result;
  return { cpuUs: (cpu / calls) * 1e6, rate: calls / result.seconds, p50, p99 };
}

function loadOf(
  { asked }: Subject,
  { origin }: Instance,
  { connections, everyMs = 0 }: Turns,
  secondsMax: number,
): LoadOptions {
  return { ...asked, origin, connections, everyMs, calls: Infinity, secondsMax };
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
