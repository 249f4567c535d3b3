// Periods against a slow model that looks at every quarter of an hour of a year, in all zones that the engine knows. A period
// that is an hour off at a change of clocks lends a day's budget twice, or not at all, to whoever works at midnight.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { periodAt, type PeriodKind } from "./period.ts";

const quarterMs = 900_000;
const dayMs = 86_400_000;
const kinds = ["day", "week", "month", "year"] as const satisfies PeriodKind[];

/** The names of the periods that a moment is in, worked out from the text of its date. */
function keysOf(date: string): Record<(typeof kinds)[number], string> {
  const at = Date.parse(`${date}T00:00:00Z`);
  let monday = at;
  while (new Date(monday).getUTCDay() !== 1) monday -= dayMs;
  return {
    day: date,
    week: new Date(monday).toISOString().slice(0, 10),
    month: date.slice(0, 7),
    year: date.slice(0, 4),
  };
}

/** Where each period begins that begins in the time. */
function beginnings(timeZone: string, fromMs: number, toMs: number): Map<string, number> {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
  const found = new Map<string, number>();
  let [last, date] = ["", ""];
  for (let atMs = fromMs; atMs < toMs; atMs += quarterMs, last = date) {
    date = format.format(atMs);
    if (date === last || last === "") continue;
    const [before, now] = [keysOf(last), keysOf(date)];
    for (const kind of kinds) if (before[kind] !== now[kind]) found.set(`${kind} ${now[kind]}`, atMs);
  }
  return found;
}

test("a period is named by its first day, begins where that does and lasts until the next begins", () => {
  const random = seededRandom(seedFromEnv());
  const zones = Intl.supportedValuesOf("timeZone");
  for (let round = 0; round < 12; round += 1) {
    const timeZone = random.pick(zones);
    const year = 2012 + random.int(25);
    const fromMs = Date.UTC(year, 0, 1) - 10 * dayMs;
    const toMs = Date.UTC(year + 1, 0, 1) + 10 * dayMs;
    const begins = beginnings(timeZone, fromMs, toMs);
    for (let tries = 0; tries < 40; tries += 1) {
      const atMs = fromMs + random.int(Math.floor((toMs - fromMs) / 1_000)) * 1_000 + random.int(1_000);
      for (const kind of kinds) {
        const period = periodAt(timeZone, kind, atMs);
        const told = `${timeZone}, ${kind} of ${new Date(atMs).toISOString()}`;
        const date = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(atMs);
        expect(period.key, told).toBe(keysOf(date)[kind]);
        expect(period.startMs <= atMs && atMs < (period.endMs ?? 0), told).toBe(true);
        const modelled = begins.get(`${kind} ${period.key}`);
        if (modelled !== undefined) expect(period.startMs, told).toBe(modelled);
        expect(periodAt(timeZone, kind, period.endMs ?? 0).startMs, told).toBe(period.endMs);
        expect(periodAt(timeZone, kind, period.startMs - 1).endMs, told).toBe(period.startMs);
      }
    }
  }
});

test("the first and the last millisecond of a period are in it, and one more on either side is not", () => {
  const { startMs, endMs } = periodAt("Asia/Kathmandu", "month", Date.UTC(2026, 10, 28));
  const keyAt = (ms: number) => periodAt("Asia/Kathmandu", "month", ms).key;
  expect([startMs - 1, startMs, (endMs ?? 0) - 1, endMs ?? 0].map(keyAt)).toEqual([
    ...["2026-10", "2026-11", "2026-11", "2026-12"],
  ]);
});

test("the whole of time is one period without an end", () => {
  expect(periodAt("Europe/Berlin", "total", 5)).toEqual({ key: "total", startMs: 0, endMs: undefined });
});

test("a zone that nobody knows is refused, and never taken for another", () => {
  expect(() => periodAt("Europe/Atlantis", "day", 0)).toThrow(RangeError);
});
