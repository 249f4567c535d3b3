// Budgets between the API and the schema: their words in both directions, dollars outside and nano-dollars inside.

import { budgetDefaults, limitInForce, type BudgetSettings } from "@tollgate/kernel/quotas/budget-rules";
import {
  BudgetFeature as FeatureValue,
  BudgetLedgerLost as LedgerLostValue,
  BudgetPeriod as PeriodValue,
  BudgetReservation as ReservationValue,
  type Budget as BudgetResource,
} from "@tollgate/schema/resources";
import type { Resolved } from "../graphql/refusals.ts";
import type {
  Budget,
  BudgetFeature,
  BudgetLedgerLost,
  BudgetPeriod,
  BudgetReservation,
  ChangeBudgetInput,
  CreateBudgetInput,
} from "../gen/graphql.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";
import { scopeFromApi, scopeToApi, type FromApi } from "./quota-scope-to-api.ts";

const periods = {
  DAY: PeriodValue.DAY,
  WEEK: PeriodValue.WEEK,
  MONTH: PeriodValue.MONTH,
  YEAR: PeriodValue.YEAR,
  TOTAL: PeriodValue.TOTAL,
} as const satisfies Record<BudgetPeriod, PeriodValue>;

const reservations = {
  FULL: ReservationValue.FULL,
  RUNNING: ReservationValue.RUNNING,
} as const satisfies Record<BudgetReservation, ReservationValue>;

const ledgerLost = {
  REFUSE: LedgerLostValue.REFUSE,
  ALLOW: LedgerLostValue.ALLOW,
} as const satisfies Record<BudgetLedgerLost, LedgerLostValue>;

const features = {
  WEB_SEARCH: FeatureValue.WEB_SEARCH,
  WEB_FETCH: FeatureValue.WEB_FETCH,
  CODE_EXECUTION: FeatureValue.CODE_EXECUTION,
  FILE_SEARCH: FeatureValue.FILE_SEARCH,
  IMAGE_GENERATION: FeatureValue.IMAGE_GENERATION,
  MCP: FeatureValue.MCP,
  ADVISOR: FeatureValue.ADVISOR,
} as const satisfies Record<BudgetFeature, FeatureValue>;

function wordOf<Word extends string>(words: Readonly<Record<Word, unknown>>, value: unknown, of: string): Word {
  const word = nameIn(words, value);
  if (word === undefined) throw new Error(`${of} says something that is not known here`);
  return word;
}

export function budgetToApi(budget: BudgetResource, nowMs: number): Resolved<Budget> {
  const { id, name, timeZone, hard, marginTokens, edition } = budget;
  const of = `budget/${id}`;
  return {
    ...{ id, name, timeZone, hard, marginTokens, edition },
    scope: scopeToApi(budget.scope),
    limit: budget.limitNanoUsd,
    limitInForce: limitInForce(budget, nowMs),
    period: wordOf(periods, budget.period, of),
    reservation: wordOf(reservations, budget.reservation, of),
    exposureMax: budget.exposureMaxNanoUsd ?? null,
    // What a later version allows is nothing that this one could show or allow.
    allow: budget.allow.flatMap(({ feature, nanoUsd }) => {
      const word = nameIn(features, feature);
      return word === undefined ? [] : [{ feature: word, amount: nanoUsd }];
    }),
    onLedgerLost: wordOf(ledgerLost, budget.onLedgerLost, of),
    thresholds: budget.thresholdsPercent,
    overrides: budget.overrides.map(({ id: overrideId, amountNanoUsd, untilMs, reason, by }) => {
      return { id: overrideId, amount: amountNanoUsd, until: instantOf(untilMs), reason, by };
    }),
  };
}

function instantOf(ms: bigint): Date {
  return instantToApi(ms) ?? new Date(0);
}

export function newBudgetFromApi(input: CreateBudgetInput): FromApi<BudgetSettings> {
  const scope = scopeFromApi(input.scope);
  if (scope.outcome === "refused") return scope;
  const required = { scope: scope.value, limitNanoUsd: input.limit, period: periods[input.period] };
  return { outcome: "found", value: { ...budgetDefaults, ...plainFromApi(input), ...required } };
}

/** What the input says. */
export function budgetChangeFromApi(input: ChangeBudgetInput): FromApi<Partial<BudgetSettings>> {
  const scope = input.scope ? scopeFromApi(input.scope) : undefined;
  if (scope?.outcome === "refused") return scope;
  return { outcome: "found", value: { ...plainFromApi(input), ...(scope ? { scope: scope.value } : {}) } };
}

function plainFromApi(input: Omit<ChangeBudgetInput, "id" | "scope">): Partial<BudgetSettings> {
  const { limit, period, timeZone, hard, reservation, exposureMax, marginTokens } = input;
  const { allow, onLedgerLost, thresholds } = input;
  return {
    ...(typeof limit === "bigint" ? { limitNanoUsd: limit } : {}),
    ...(period ? { period: periods[period] } : {}),
    ...(typeof timeZone === "string" ? { timeZone } : {}),
    ...(typeof hard === "boolean" ? { hard } : {}),
    ...(reservation ? { reservation: reservations[reservation] } : {}),
    ...(exposureMax === undefined ? {} : { exposureMaxNanoUsd: exposureMax ?? undefined }),
    ...(typeof marginTokens === "number" ? { marginTokens } : {}),
    ...(allow ? { allow: allow.map(({ feature, amount }) => ({ feature: features[feature], nanoUsd: amount })) } : {}),
    ...(onLedgerLost ? { onLedgerLost: ledgerLost[onLedgerLost] } : {}),
    ...(thresholds ? { thresholdsPercent: thresholds } : {}),
  };
}
