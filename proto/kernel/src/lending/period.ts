// A budget's periods: days, weeks from Monday on, months and years by the calendar of a named time zone. A day has the hours that
// it has there, and begins where its date does, also where a clock is put forward at midnight. Pure: the same zone and time
// have the same answer, as far as the engine's time zone data are the same.

export type PeriodKind = "day" | "week" | "month" | "year" | "total";

export type Period = {
  /** Names it among the zone's: "2026-11-28", "2026-11", "2026", "total". */
  readonly key: string;
  readonly startMs: number;
  /** The first moment that is not in it; undefined: none. */
  readonly endMs: number | undefined;
};

type CalendarDate = { readonly year: number; readonly month: number; readonly day: number };

const dayMs = 86_400_000;
/** No zone is further from UTC. */
const offsetMsMax = 15 * 3_600_000;
const formats = new Map<string, Intl.DateTimeFormat>();

export function periodAt(timeZone: string, kind: PeriodKind, timeMs: number): Period {
  if (kind === "total") return { key: "total", startMs: 0, endMs: undefined };
  const [first, next] = bounds(kind, dateAt(timeZone, timeMs));
  return { key: keyOf(kind, first), startMs: beginning(timeZone, first), endMs: beginning(timeZone, next) };
}

function bounds(kind: Exclude<PeriodKind, "total">, date: CalendarDate): [CalendarDate, CalendarDate] {
  const { year, month } = date;
  switch (kind) {
    case "day":
      return [date, plusDays(date, 1)];
    case "week": {
      const sinceMonday = (new Date(utc(date)).getUTCDay() + 6) % 7;
      return [plusDays(date, -sinceMonday), plusDays(date, 7 - sinceMonday)];
    }
    case "month":
      return [
        { year, month, day: 1 },
        month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 },
      ];
    case "year":
      return [
        { year, month: 1, day: 1 },
        { year: year + 1, month: 1, day: 1 },
      ];
  }
}

function keyOf(kind: PeriodKind, { year, month, day }: CalendarDate): string {
  const [y, m, d] = [String(year).padStart(4, "0"), String(month).padStart(2, "0"), String(day).padStart(2, "0")];
  return kind === "year" ? y : kind === "month" ? `${y}-${m}` : `${y}-${m}-${d}`;
}

/**
 * The first moment that has the date, or a later one where the date was skipped. It is searched for: dates only go forward, in
 * all zones since 2012.
 */
function beginning(timeZone: string, date: CalendarDate): number {
  const wanted = utc(date);
  let before = wanted - offsetMsMax;
  let from = wanted + offsetMsMax;
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (utc(dateAt(timeZone, middle)) >= wanted) from = middle;
    else before = middle;
  }
  return from;
}

function dateAt(timeZone: string, timeMs: number): CalendarDate {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(timeMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  return { year: parts.get("year") ?? 0, month: parts.get("month") ?? 0, day: parts.get("day") ?? 0 };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const options = { timeZone, calendar: "gregory", year: "numeric", month: "numeric", day: "numeric" } as const;
  const made = new Intl.DateTimeFormat("en-US", options);
  formats.set(timeZone, made);
  return made;
}

function plusDays(date: CalendarDate, days: number): CalendarDate {
  const at = new Date(utc(date) + days * dayMs);
  return { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate() };
}

function utc({ year, month, day }: CalendarDate): number {
  return Date.UTC(year, month - 1, day);
}
