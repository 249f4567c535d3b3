// Where periods begin and end in hard places, as literals: an account is named by its period's key for ever, and a boundary
// that moved with a new version would lend a part of a budget twice.

import { expect, test } from "vitest";
import { periodAt, type PeriodKind } from "@tollgate/kernel/lending/period";

const pins: readonly [zone: string, kind: PeriodKind, at: string, key: string, start: string, end: string][] = [
  // 23 and 25 hours.
  ["Europe/Berlin", "day", "2026-03-29T12:00Z", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"],
  ["Europe/Berlin", "day", "2026-10-25T00:30Z", "2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z"],
  // The clock goes forward at midnight, so that the day begins at one.
  ["America/Santiago", "day", "2026-09-06T12:00Z", "2026-09-06", "2026-09-06T04:00Z", "2026-09-07T03:00Z"],
  ["Africa/Cairo", "day", "2026-04-24T12:00Z", "2026-04-24", "2026-04-23T22:00Z", "2026-04-24T21:00Z"],
  // It goes back at midnight: the hour before it comes twice, on the same day.
  ["America/Santiago", "day", "2026-04-05T03:30Z", "2026-04-04", "2026-04-04T03:00Z", "2026-04-05T04:00Z"],
  ["America/Havana", "day", "2026-11-01T05:30Z", "2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z"],
  // Half an hour, and a date that was skipped.
  ["Australia/Lord_Howe", "day", "2026-10-04T00:00Z", "2026-10-04", "2026-10-03T13:30Z", "2026-10-04T13:00Z"],
  ["Pacific/Apia", "day", "2011-12-30T09:59:59.999Z", "2011-12-29", "2011-12-29T10:00Z", "2011-12-30T10:00Z"],
  ["Pacific/Apia", "week", "2011-12-31T00:00Z", "2011-12-26", "2011-12-26T10:00Z", "2012-01-01T10:00Z"],
  // Weeks begin on Monday, also across a year.
  ["UTC", "week", "2027-01-03T23:59:59.999Z", "2026-12-28", "2026-12-28T00:00Z", "2027-01-04T00:00Z"],
  ["America/New_York", "week", "2026-03-08T12:00Z", "2026-03-02", "2026-03-02T05:00Z", "2026-03-09T04:00Z"],
  ["Asia/Kolkata", "month", "2028-02-29T18:29:59.999Z", "2028-02", "2028-01-31T18:30Z", "2028-02-29T18:30Z"],
  ["Pacific/Kiritimati", "year", "2026-12-31T10:00Z", "2027", "2026-12-31T10:00Z", "2027-12-31T10:00Z"],
  ["Etc/GMT+12", "year", "2027-01-01T11:59Z", "2026", "2026-01-01T12:00Z", "2027-01-01T12:00Z"],
];

test.each(pins)("%s: the %s of %s is %s", (zone, kind, at, key, start, end) => {
  const period = periodAt(zone, kind, Date.parse(at));
  expect(period).toEqual({ key, startMs: Date.parse(start), endMs: Date.parse(end) });
});
