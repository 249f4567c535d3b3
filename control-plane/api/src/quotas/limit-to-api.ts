// Limits between the API and the schema: their words in both directions.

import type { LimitSettings } from "@tollgate/kernel/quotas/limit-rules";
import {
  LimitMeasure as MeasureValue,
  LimitWindow as WindowValue,
  type Limit as LimitResource,
} from "@tollgate/schema/resources";
import type { ChangeLimitInput, CreateLimitInput, Limit, LimitMeasure, LimitWindow } from "../gen/graphql.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";
import { scopeFromApi, scopeToApi, type FromApi } from "./quota-scope-to-api.ts";

export const limitMeasures = {
  REQUESTS: MeasureValue.REQUESTS,
  TOKENS: MeasureValue.TOKENS,
  CONCURRENT_CALLS: MeasureValue.CONCURRENT_CALLS,
} as const satisfies Record<LimitMeasure, MeasureValue>;

export const limitWindows = {
  MINUTE: WindowValue.MINUTE,
  HOUR: WindowValue.HOUR,
  DAY: WindowValue.DAY,
} as const satisfies Record<LimitWindow, WindowValue>;

export function limitToApi({ id, name, scope, measure, amount, window, models, tools }: LimitResource): Limit {
  const word = nameIn(limitMeasures, measure);
  if (word === undefined) throw new Error(`limit/${id} counts something that is not known here`);
  return {
    ...{ id, name, scope: scopeToApi(scope), measure: word, amount, models, tools },
    window: nameIn(limitWindows, window) ?? null,
  };
}

export function newLimitFromApi(input: CreateLimitInput): FromApi<LimitSettings> {
  const scope = scopeFromApi(input.scope);
  if (scope.outcome === "refused") return scope;
  const required = { scope: scope.value, measure: limitMeasures[input.measure], amount: input.amount };
  const nothing = { window: undefined, models: [], tools: [] };
  return { outcome: "found", value: { ...nothing, ...plainFromApi(input), ...required } };
}

/** What the input says. */
export function limitChangeFromApi(input: ChangeLimitInput): FromApi<Partial<LimitSettings>> {
  const scope = input.scope ? scopeFromApi(input.scope) : undefined;
  if (scope?.outcome === "refused") return scope;
  return { outcome: "found", value: { ...plainFromApi(input), ...(scope ? { scope: scope.value } : {}) } };
}

function plainFromApi(input: Omit<ChangeLimitInput, "id" | "scope">): Partial<LimitSettings> {
  const { measure, amount, window, models, tools } = input;
  return {
    ...(measure ? { measure: limitMeasures[measure] } : {}),
    ...(typeof amount === "bigint" ? { amount } : {}),
    ...(window === undefined ? {} : { window: window === null ? undefined : limitWindows[window] }),
    ...(models ? { models } : {}),
    ...(tools ? { tools } : {}),
  };
}
