// A policy as the API shows it, and what the API is given as what a policy says.

import { create } from "@bufbuild/protobuf";
import { usualReplacement } from "@tollgate/kernel/configuration/policy";
import type { CoveredKind } from "@tollgate/kernel/policy/cover";
import { scopeOf } from "@tollgate/kernel/ids";
import {
  DenyPolicySchema,
  LimitPolicySchema,
  LimitWindow,
  RedactDirection,
  RedactOf,
  RedactPolicySchema,
  ValidateArgumentsPolicySchema,
  type LimitPolicy,
  type Policy as PolicyResource,
} from "@tollgate/schema/resources";
import type {
  LimitRule,
  Policy,
  PolicyCovers,
  PolicyRuleInput,
  RedactDirection as ApiRedactDirection,
  RedactOf as ApiRedactOf,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { limitMeasures, limitWindows } from "../quotas/limit-to-api.ts";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";
import type { PolicyRule } from "./policy.decider.ts";

const directions = {
  REQUEST: RedactDirection.REQUEST,
  RESPONSE: RedactDirection.RESPONSE,
  BOTH: RedactDirection.BOTH,
} as const satisfies Record<ApiRedactDirection, RedactDirection>;
const texts = { TOOLS: RedactOf.TOOLS, MODELS: RedactOf.MODELS } as const satisfies Record<ApiRedactOf, RedactOf>;

export function policyToApi({ id, name, disabled, order, match, covers, kind }: PolicyResource): Resolved<Policy> {
  return {
    ...{ id, name, order, match, enabled: !disabled, covers: coversToApi(covers) },
    deny: kind.case === "deny" ? { message: kind.value.message } : null,
    redact: kind.case === "redact" ? redactToApi(kind.value) : null,
    validateArguments: kind.case === "validateArguments" ? { schema: kind.value.schema } : null,
    limit: kind.case === "limit" ? limitRuleToApi(kind.value) : null,
  };
}

function redactToApi({
  of,
  direction,
  patterns,
  replacement,
}: Extract<PolicyResource["kind"], { case: "redact" }>["value"]) {
  const shownOf: ApiRedactOf = of === RedactOf.MODELS ? "MODELS" : "TOOLS";
  const shown: ApiRedactDirection =
    direction === RedactDirection.REQUEST ? "REQUEST" : direction === RedactDirection.RESPONSE ? "RESPONSE" : "BOTH";
  return { of: shownOf, direction: shown, patterns, replacement };
}

/** Null of one that a later version wrote, of what is not known here. */
function limitRuleToApi({ measure, amount, window }: LimitPolicy): LimitRule | null {
  const word = nameIn(limitMeasures, measure);
  return word === undefined ? null : { measure: word, amount, window: nameIn(limitWindows, window) ?? null };
}

function coversToApi(covers: readonly string[]): PolicyCovers {
  const ids = (kind: CoveredKind): string[] =>
    covers.flatMap((scope) => (scope.startsWith(`${kind}/`) ? [scope.slice(kind.length + 1)] : []));
  return { serverIds: ids("server"), providerIds: ids("provider"), teamIds: ids("team") };
}

export function ruleFromApi(input: PolicyRuleInput): PolicyRule | InvalidInput {
  const kinds = kindsIn(input);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    return invalidInput("rule", "names no kind, or more than one: exactly one says what is done");
  const { enabled, order, match, covers } = input;
  return {
    ...{ disabled: enabled === false, order: order ?? 0, match: match ?? "", kind },
    covers: [
      ...(covers?.serverIds ?? []).map((id) => scopeOf("server", id)),
      ...(covers?.providerIds ?? []).map((id) => scopeOf("provider", id)),
      ...(covers?.teamIds ?? []).map((id) => scopeOf("team", id)),
    ],
  };
}

function kindsIn({ deny, redact, validateArguments, limit }: PolicyRuleInput): PolicyRule["kind"][] {
  const kinds: PolicyRule["kind"][] = [];
  if (deny) kinds.push({ case: "deny", value: create(DenyPolicySchema, { message: deny.message ?? "" }) });
  if (redact) {
    const { of, direction, patterns, replacement } = redact;
    const value = {
      of: texts[of],
      direction: directions[direction],
      patterns: [...patterns],
      replacement: replacement ?? usualReplacement,
    };
    kinds.push({ case: "redact", value: create(RedactPolicySchema, value) });
  }
  if (validateArguments)
    kinds.push({ case: "validateArguments", value: create(ValidateArgumentsPolicySchema, validateArguments) });
  if (limit) {
    const window = limit.window ? limitWindows[limit.window] : LimitWindow.UNSPECIFIED;
    const value = { measure: limitMeasures[limit.measure], amount: limit.amount, window };
    kinds.push({ case: "limit", value: create(LimitPolicySchema, value) });
  }
  return kinds;
}
