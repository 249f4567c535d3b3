// One entry of `budgets`. What it does not say is what is meant where nothing is said, also where the budget said otherwise
// before. Overrides are an admin's word for a while and no part of a file.

import { limits } from "../limits.ts";
import type { NanoUsd } from "../money.ts";
import {
  budgetDefaults,
  budgetFeatures,
  budgetLedgerLost,
  budgetPeriods,
  budgetReservations,
  thresholdsProblem,
  timeZoneProblem,
  type Allowance,
  type BudgetSettings,
} from "../quotas/budget-rules.ts";
import type { Place } from "./issue.ts";
import {
  booleanOf,
  checkedTextOf,
  dollarsOf,
  integerOf,
  listOf,
  mappingOf,
  newNameOf,
  oneOf,
  type Found,
  type Reading,
} from "./reader.ts";
import { readScope, type ConfiguredScope, type QuotaNeighbours } from "./quota-scope.ts";

export type ConfiguredBudget = {
  name: string;
  scope: ConfiguredScope;
  settings: Omit<BudgetSettings, "scope">;
  at: Place;
};

const fields = {
  name: "required",
  scope: "required",
  limit: "required",
  period: "required",
  timeZone: "optional",
  hard: "optional",
  reservation: "optional",
  exposureMax: "optional",
  marginTokens: "optional",
  allow: "optional",
  onLedgerLost: "optional",
  thresholds: "optional",
} as const;

export function readBudget(
  reading: Reading,
  at: Found,
  { taken, ...neighbours }: QuotaNeighbours & { taken: Map<string, Place> },
): ConfiguredBudget | undefined {
  const read = mappingOf(reading, at, fields, { later: ["overrides"] });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const scope = read.scope && readScope(reading, read.scope, neighbours);
  const limitNanoUsd = read.limit && dollarsOf(reading, read.limit, limits.budgetUsdMax);
  const period = read.period && wordOf(reading, read.period, budgetPeriods);
  const settings: Omit<BudgetSettings, "scope" | "limitNanoUsd" | "period"> = {
    timeZone: (read.timeZone && checkedTextOf(reading, read.timeZone, timeZoneProblem)) ?? budgetDefaults.timeZone,
    hard: (read.hard && booleanOf(reading, read.hard)) ?? budgetDefaults.hard,
    reservation:
      (read.reservation && wordOf(reading, read.reservation, budgetReservations)) ?? budgetDefaults.reservation,
    exposureMaxNanoUsd: read.exposureMax && dollarsOf(reading, read.exposureMax, limits.budgetUsdMax),
    marginTokens:
      (read.marginTokens && integerOf(reading, read.marginTokens, { min: 0, max: limits.modelTokensMax })) ??
      budgetDefaults.marginTokens,
    allow: read.allow ? allowancesOf(reading, read.allow) : budgetDefaults.allow,
    onLedgerLost:
      (read.onLedgerLost && wordOf(reading, read.onLedgerLost, budgetLedgerLost)) ?? budgetDefaults.onLedgerLost,
    thresholdsPercent: read.thresholds ? thresholdsOf(reading, read.thresholds) : budgetDefaults.thresholdsPercent,
  };
  if (name === undefined || !read.name || !scope || limitNanoUsd === undefined || period === undefined)
    return undefined;
  return { name, scope, settings: { ...settings, limitNanoUsd, period }, at: read.name.at };
}

function wordOf<Word extends string, Value>(
  reading: Reading,
  at: Found,
  words: Readonly<Record<Word, Value>>,
): Value | undefined {
  const word = oneOf(reading, at, words);
  return word === undefined ? undefined : words[word];
}

type Feature = keyof typeof budgetFeatures;

const featureFields = {
  webSearch: "optional",
  webFetch: "optional",
  codeExecution: "optional",
  fileSearch: "optional",
  imageGeneration: "optional",
  mcp: "optional",
  advisor: "optional",
} as const satisfies Record<Feature, "optional">;

function allowancesOf(reading: Reading, at: Found): Allowance[] {
  const read = mappingOf(reading, at, featureFields) ?? {};
  const allowances: Allowance[] = [];
  for (const feature of Object.keys(budgetFeatures).filter(isFeature)) {
    const entry = read[feature];
    const nanoUsd: NanoUsd | undefined = entry && dollarsOf(reading, entry, limits.budgetUsdMax);
    if (nanoUsd !== undefined) allowances.push({ feature: budgetFeatures[feature], nanoUsd });
  }
  return allowances;
}

function isFeature(text: string): text is Feature {
  return Object.hasOwn(budgetFeatures, text);
}

function thresholdsOf(reading: Reading, at: Found): number[] {
  const thresholds = listOf(reading, at, (_, item) =>
    integerOf(reading, item, { min: 1, max: limits.thresholdPercentMax }),
  );
  const problem = thresholdsProblem(thresholds);
  if (problem !== undefined) reading.issues.add(at, problem);
  return thresholds;
}
