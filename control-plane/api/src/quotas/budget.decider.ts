// Budgets: created, changed, overridden for a while, retired. A change of scope, period or time zone begins to count anew, which
// the edition says; any other goes on with what was counted. A budget holds whom it is for, so that he stays; but not a key,
// because nothing may stand in the way of a revocation. Whether a key is there is for the caller to find out.

import { create, equals } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider, type Decision } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { amountProblem, budgetProblem, type BudgetSettings } from "@tollgate/kernel/quotas/budget-rules";
import { scopeIn, storedScope } from "@tollgate/kernel/quotas/quota-scope";
import {
  BudgetChangedSchema,
  BudgetCreatedSchema,
  BudgetOverrideAddedSchema,
  BudgetOverrideEndedSchema,
  BudgetRetiredSchema,
  type BudgetChanged,
  type BudgetCreated,
  type BudgetOverrideAdded,
  type BudgetOverrideEnded,
  type BudgetRetired,
} from "@tollgate/schema/events";
import {
  BudgetAllowanceSchema,
  BudgetOverrideSchema,
  BudgetSchema,
  type Budget,
  type BudgetOverride,
} from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { heldBy } from "./quota-holders.ts";

export type AddOverride = {
  kind: "add-override";
  id: string;
  override: { id: string; amountNanoUsd: bigint; untilMs: number; reason: string; by: string };
  timeMs: number;
};

export type BudgetCommand =
  | { kind: "create"; id: string; name: string; settings: BudgetSettings }
  /** What is absent stays. */
  | { kind: "change"; id: string; settings: Partial<BudgetSettings> }
  | AddOverride
  | { kind: "end-override"; id: string; overrideId: string; timeMs: number }
  | { kind: "retire"; id: string };

export type BudgetEvent = BudgetCreated | BudgetChanged | BudgetOverrideAdded | BudgetOverrideEnded | BudgetRetired;
export type BudgetRefusal = InvalidInput | NotFound | AlreadyExists;

type Decided = Decision<BudgetEvent, BudgetRefusal>;

export const budgetDecider: Decider<Budget | undefined, BudgetCommand, BudgetEvent, BudgetRefusal> = {
  stream: "budget",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.BudgetRetired" ? undefined : event.budget),
  decide(command, budget) {
    const scope = scopeOf("budget", command.id);
    if (command.kind === "create") {
      const { id, name, settings } = command;
      if (budget) return refuse({ kind: "already-exists", scope });
      const problem = isName(name) ? settingsProblem(settings) : invalidInput("name", `is not a name: ${nameRule}`);
      if (problem) return refuse(problem);
      const created = create(BudgetCreatedSchema, { budget: { id, name, edition: 1, ...stored(settings) } });
      return accept([created], { reserve: name, refer: heldBy(settings.scope) });
    }
    if (!budget) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change":
        return change(command.settings, budget);
      case "add-override":
        return addOverride(command, budget);
      case "end-override":
        return endOverride(command, budget);
      case "retire":
        return accept([create(BudgetRetiredSchema, { budget })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

function settingsProblem(settings: BudgetSettings): InvalidInput | undefined {
  const found = budgetProblem(settings);
  return found && invalidInput(budgetFieldNames[found.field], found.problem);
}

/** As the API and the file call them. */
export const budgetFieldNames = {
  ...{ scope: "scope", limitNanoUsd: "limit", period: "period", timeZone: "timeZone", hard: "hard" },
  ...{ reservation: "reservation", exposureMaxNanoUsd: "exposureMax", marginTokens: "marginTokens", allow: "allow" },
  ...{ onLedgerLost: "onLedgerLost", thresholdsPercent: "thresholds" },
} as const satisfies Record<keyof BudgetSettings, string>;

/** What the budget says. */
export function budgetSettingsOf(budget: Budget): BudgetSettings | undefined {
  const { limitNanoUsd, period, timeZone, hard, reservation, exposureMaxNanoUsd, marginTokens, onLedgerLost } = budget;
  const scope = scopeIn(budget.scope);
  return (
    scope && {
      ...{ scope, limitNanoUsd, period, timeZone, hard, reservation, exposureMaxNanoUsd, marginTokens, onLedgerLost },
      allow: budget.allow.map(({ feature, nanoUsd }) => ({ feature, nanoUsd })),
      thresholdsPercent: budget.thresholdsPercent,
    }
  );
}

function stored({ scope, exposureMaxNanoUsd, allow, thresholdsPercent, ...plain }: BudgetSettings) {
  return {
    ...plain,
    scope: storedScope(scope),
    ...(exposureMaxNanoUsd === undefined ? {} : { exposureMaxNanoUsd }),
    allow: allow.toSorted((a, b) => a.feature - b.feature).map((one) => create(BudgetAllowanceSchema, one)),
    thresholdsPercent: [...thresholdsPercent],
  };
}

function change(wanted: Partial<BudgetSettings>, budget: Budget): Decided {
  const former = budgetSettingsOf(budget);
  // A former version of the software looks at what a later one wrote.
  if (!former) return refuse(invalidInput("scope", "is of a kind that is not known here"));
  const settings = { ...former, ...wanted };
  const problem = settingsProblem(settings);
  if (problem) return refuse(problem);
  const { exposureMaxNanoUsd: _, ...kept } = budget;
  const next = create(BudgetSchema, { ...kept, ...stored(settings) });
  if (equals(BudgetSchema, next, budget)) return accept([]);
  if (!isSameAccount(next, budget)) next.edition += 1;
  return accept([create(BudgetChangedSchema, { budget: next })], { refer: heldBy(settings.scope) });
}

function isSameAccount(a: Budget, b: Budget): boolean {
  const counted = ({ scope, period, timeZone }: Budget) =>
    create(BudgetSchema, { ...(scope ? { scope } : {}), period, timeZone });
  return equals(BudgetSchema, counted(a), counted(b));
}

function addOverride({ override, timeMs }: AddOverride, budget: Budget): Decided {
  const { id, amountNanoUsd, untilMs, reason, by } = override;
  const aboutAmount = amountNanoUsd === 0n ? "is nothing" : amountProblem(amountNanoUsd);
  if (aboutAmount !== undefined) return refuse(invalidInput("amount", aboutAmount));
  if (untilMs <= timeMs) return refuse(invalidInput("until", "is not in the future"));
  const aboutReason = reasonProblem(reason);
  if (aboutReason !== undefined) return refuse(invalidInput("reason", aboutReason));
  const added = create(BudgetOverrideSchema, { id, amountNanoUsd, untilMs: BigInt(untilMs), reason, by });
  const overrides = withinBounds([...budget.overrides, added], timeMs);
  if (!overrides) {
    const max = limits.overridesPerBudgetMax;
    return refuse(invalidInput("id", `is of a budget with ${max} overrides in force, and there can be no more`));
  }
  return accept([create(BudgetOverrideAddedSchema, { budget: { ...budget, overrides } })]);
}

function reasonProblem(reason: string): string | undefined {
  if (reason.trim() === "") return "is empty";
  const max = limits.overrideReasonCharsMax;
  return reason.length > max ? `is longer than ${max} characters` : undefined;
}

/** Without the oldest of those that are over, as many as are too many; undefined where not enough are over. */
function withinBounds(overrides: readonly BudgetOverride[], timeMs: number): BudgetOverride[] | undefined {
  let excess = overrides.length - limits.overridesPerBudgetMax;
  const kept = overrides.filter(({ untilMs }) => {
    const isDropped = excess > 0 && Number(untilMs) <= timeMs;
    if (isDropped) excess -= 1;
    return !isDropped;
  });
  return excess > 0 ? undefined : kept;
}

/** One that is over already is no change. */
function endOverride({ overrideId, timeMs }: { overrideId: string; timeMs: number }, budget: Budget): Decided {
  const found = budget.overrides.find(({ id }) => id === overrideId);
  if (!found) return refuse({ kind: "not-found", scope: scopeOf("override", overrideId) });
  if (Number(found.untilMs) <= timeMs) return accept([]);
  const overrides = budget.overrides.map((one) => (one === found ? { ...one, untilMs: BigInt(timeMs) } : one));
  return accept([create(BudgetOverrideEndedSchema, { budget: { ...budget, overrides } })]);
}
