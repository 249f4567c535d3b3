// What a budget may say, what is meant where nothing is said, and how much it allows at a time. The configuration file and the
// decider ask the same functions, so that what the one takes the other takes too. What was spent is the ledger's; nothing of
// it is known here.

import {
  BudgetFeature,
  BudgetLedgerLost,
  BudgetPeriod,
  BudgetReservation,
  type Budget,
} from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { nanoPerUsd, type NanoUsd } from "../money.ts";
import { scopeProblem, type Scope } from "./quota-scope.ts";

export const budgetPeriods = {
  day: BudgetPeriod.DAY,
  week: BudgetPeriod.WEEK,
  month: BudgetPeriod.MONTH,
  year: BudgetPeriod.YEAR,
  total: BudgetPeriod.TOTAL,
} as const;

export const budgetReservations = { full: BudgetReservation.FULL, running: BudgetReservation.RUNNING } as const;

export const budgetLedgerLost = { refuse: BudgetLedgerLost.REFUSE, allow: BudgetLedgerLost.ALLOW } as const;

export const budgetFeatures = {
  webSearch: BudgetFeature.WEB_SEARCH,
  webFetch: BudgetFeature.WEB_FETCH,
  codeExecution: BudgetFeature.CODE_EXECUTION,
  fileSearch: BudgetFeature.FILE_SEARCH,
  imageGeneration: BudgetFeature.IMAGE_GENERATION,
  mcp: BudgetFeature.MCP,
  advisor: BudgetFeature.ADVISOR,
} as const;

export type Allowance = { readonly feature: BudgetFeature; readonly nanoUsd: NanoUsd };

export type BudgetSettings = {
  scope: Scope;
  limitNanoUsd: NanoUsd;
  period: BudgetPeriod;
  timeZone: string;
  hard: boolean;
  reservation: BudgetReservation;
  /** Undefined: what `exposureMaxOf` says. */
  exposureMaxNanoUsd: NanoUsd | undefined;
  marginTokens: number;
  /** Each feature once. */
  allow: readonly Allowance[];
  onLedgerLost: BudgetLedgerLost;
  thresholdsPercent: readonly number[];
};

export const budgetDefaults = {
  timeZone: "UTC",
  hard: true,
  reservation: BudgetReservation.RUNNING,
  exposureMaxNanoUsd: undefined,
  marginTokens: 2_048,
  allow: [],
  onLedgerLost: BudgetLedgerLost.REFUSE,
  thresholdsPercent: [50, 75, 90, 100],
} as const satisfies Omit<BudgetSettings, "scope" | "limitNanoUsd" | "period">;

export const budgetAmountMaxNanoUsd = BigInt(limits.budgetUsdMax) * nanoPerUsd;

export type Problem = { field: keyof BudgetSettings; problem: string };

/** The first thing that is wrong; undefined where all is well. */
export function budgetProblem(settings: BudgetSettings): Problem | undefined {
  const { scope, limitNanoUsd, exposureMaxNanoUsd, marginTokens, allow, timeZone, thresholdsPercent } = settings;
  const problems: Partial<Record<keyof BudgetSettings, string | undefined>> = {
    scope: scopeProblem(scope),
    limitNanoUsd: amountProblem(limitNanoUsd),
    exposureMaxNanoUsd: exposureMaxNanoUsd === undefined ? undefined : amountProblem(exposureMaxNanoUsd),
    marginTokens: isWithin(marginTokens, 0, limits.modelTokensMax)
      ? undefined
      : `is not a whole number from 0 to ${limits.modelTokensMax}`,
    allow: allowProblem(allow),
    timeZone: timeZoneProblem(timeZone),
    thresholdsPercent: thresholdsProblem(thresholdsPercent),
  };
  for (const field of fieldsOf(problems)) {
    const problem = problems[field];
    if (problem !== undefined) return { field, problem };
  }
  return undefined;
}

function fieldsOf<T extends object>(of: T): (keyof T)[] {
  const fields: (keyof T)[] = [];
  for (const field in of) fields.push(field);
  return fields;
}

export function amountProblem(amount: NanoUsd): string | undefined {
  if (amount >= 0n && amount <= budgetAmountMaxNanoUsd) return undefined;
  return `is not an amount from 0 to ${limits.budgetUsdMax} dollars`;
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function allowProblem(allow: readonly Allowance[]): string | undefined {
  if (new Set(allow.map(({ feature }) => feature)).size < allow.length) return "names a feature twice";
  for (const { nanoUsd } of allow) {
    const problem = amountProblem(nanoUsd);
    if (problem !== undefined) return `has what ${problem}`;
  }
  return undefined;
}

/** Named zones only: an offset has no calendar that follows its country's. */
const zoneName = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

export function timeZoneProblem(zone: string): string | undefined {
  return zone.length <= limits.timeZoneCharsMax && zoneName.test(zone) && isKnownZone(zone)
    ? undefined
    : "is not a time zone as IANA calls it, such as Europe/Berlin";
}

function isKnownZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
}

export function thresholdsProblem(thresholds: readonly number[]): string | undefined {
  const { thresholdsPerBudgetMax: max, thresholdPercentMax: most } = limits;
  if (thresholds.length > max) return `has more than ${max} thresholds`;
  const rises = thresholds.every((value, index) => isWithin(value, (thresholds[index - 1] ?? 0) + 1, most));
  return rises ? undefined : `is not a rising list of whole numbers from 1 to ${most}`;
}

/** What may be spent at a time: the limit, and all overrides that are not over. */
export function limitInForce(budget: Pick<Budget, "limitNanoUsd" | "overrides">, nowMs: number): NanoUsd {
  return budget.overrides.reduce(
    (sum, { amountNanoUsd, untilMs }) => (Number(untilMs) > nowMs ? sum + amountNanoUsd : sum),
    budget.limitNanoUsd,
  );
}

const exposureDefaultMax = 10n * nanoPerUsd;

export function exposureMaxOf(budget: Pick<Budget, "limitNanoUsd" | "exposureMaxNanoUsd">): NanoUsd {
  if (budget.exposureMaxNanoUsd !== undefined) return budget.exposureMaxNanoUsd;
  const twentieth = budget.limitNanoUsd / 20n;
  return twentieth < exposureDefaultMax ? twentieth : exposureDefaultMax;
}
