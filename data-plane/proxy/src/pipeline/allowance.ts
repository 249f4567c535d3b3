// How a call's budgets and limits stand, as plain values, and what every door says of them alike: which budget is described
// where there are several, how full it is, what stands in a call's way, and when to come again. Each door puts it into words of
// its own, in an `allowance.ts`. Nothing is counted, reserved or decided here; whoever holds the ledger's leases does that.

import { publicText, type ErrorCode } from "@tollgate/kernel/errors";
import type { NanoUsd } from "@tollgate/kernel/money";

/** One budget that a call is charged to. */
export type Allowance = {
  readonly limitNanoUsd: NanoUsd;
  readonly settledNanoUsd: NanoUsd;
  readonly heldNanoUsd: NanoUsd;
  /** By the wall clock; undefined: never. */
  readonly resetMs: number | undefined;
  readonly period: "day" | "week" | "month" | "year" | "total";
  readonly scope: "key" | "user" | "team" | "customer" | "label";
  /** `spent`: what is settled alone leaves no room for the call; `held`: what calls under way hold does. */
  readonly state: "ok" | "spent" | "held";
};

export type LimitStanding = {
  readonly measure: "requests" | "tokens" | "concurrent";
  readonly limit: number;
  readonly remaining: number;
  /** By the wall clock; undefined where it is not known, as with calls at a time. */
  readonly resetMs: number | undefined;
};

/** By which policy a limit is, and what it said of the call. */
export type PolicyDecision = { readonly policyId: string; readonly policyName: string; readonly decisionId: string };

export type Standing = { readonly allowances: readonly Allowance[]; readonly limits: readonly LimitStanding[] };

/**
 * Puts it into lines of the head of an answer. Of what is settled of a budget they say whole per cents, and whether it is past one;
 * of what calls hold of it nothing.
 */
export type Tell = (standing: Standing, nowMs: number) => string;

/** Why a call cannot go out now. */
export type Shortage =
  | { readonly kind: "spent"; readonly allowance: Allowance }
  | { readonly kind: "held"; readonly allowance: Allowance }
  | { readonly kind: "limit"; readonly standing: LimitStanding; readonly decision?: PolicyDecision | undefined };

/** An answer to a call that did not go out; `headers` are names and values in turn. */
export type ShortageAnswer = { readonly status: number; readonly headers: readonly string[]; readonly body: string };

export const shortageCodes = {
  spent: "budget.spent",
  held: "budget.held",
  limit: "limit.reached",
} as const satisfies Record<Shortage["kind"], ErrorCode>;

/** What calls hold comes back within seconds, one call at a time; nobody knows when it is enough. */
const heldRetrySeconds = 5;
const concurrentRetrySeconds = 1;
/** Beyond this OpenAI's SDK comes again at once and in vain, and Anthropic's waits for as long, be it hours; a person rather knows. */
const heededSecondsMax = 60;

/** What is spent comes before what is only held: waiting for the one that is held would not help. */
export function shortageIn(allowances: readonly Allowance[]): Shortage | undefined {
  const spent = lastToReset(allowances.filter(({ state }) => state === "spent"));
  if (spent !== undefined) return { kind: "spent", allowance: spent };
  const held = allowances.find(({ state }) => state === "held");
  return held === undefined ? undefined : { kind: "held", allowance: held };
}

/** The one that a client is told of: what blocks it for the longest, or else the fullest. */
export function describedAllowance(allowances: readonly Allowance[]): Allowance | undefined {
  if (allowances.length < 2) return allowances[0];
  const shortage = shortageIn(allowances);
  if (shortage?.kind === "spent") return shortage.allowance;
  return allowances.reduce<Allowance | undefined>(
    (fullest, next) => (fullest === undefined || isFuller(next, fullest) ? next : fullest),
    undefined,
  );
}

/** Whole per cent of what is settled, rounded down: what calls hold comes and goes, and nobody has spent it yet. */
export function percentSettled({ limitNanoUsd, settledNanoUsd }: Allowance): number {
  return limitNanoUsd <= 0n ? 100 : Number((settledNanoUsd * 100n) / limitNanoUsd);
}

export function isPast({ limitNanoUsd, settledNanoUsd }: Allowance, percent: number): boolean {
  return settledNanoUsd * 100n > limitNanoUsd * BigInt(percent);
}

/** Of several limits of one measure a client is told of the one that it meets first. */
export function tightest(
  limits: readonly LimitStanding[],
  measure: LimitStanding["measure"],
): LimitStanding | undefined {
  let least: LimitStanding | undefined;
  for (const standing of limits)
    if (standing.measure === measure && (least === undefined || standing.remaining < least.remaining)) least = standing;
  return least;
}

/** What the headers of one measure are called at a door: made once, because all answers to whom limits are for have them. */
export type LimitNames = {
  readonly measure: LimitStanding["measure"];
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
};

/** Adds names and values in turn, of each measure the tightest. */
export function addLimits(
  headers: string[],
  limits: readonly LimitStanding[],
  named: readonly LimitNames[],
  resetText: (resetMs: number) => string,
): string[] {
  for (const names of named) {
    const standing = tightest(limits, names.measure);
    if (standing === undefined) continue;
    const { limit, remaining, resetMs } = standing;
    headers.push(names.limit, String(limit), names.remaining, String(Math.max(0, remaining)));
    if (resetMs !== undefined) headers.push(names.reset, resetText(resetMs));
  }
  return headers;
}

/** Undefined: coming again will not help. */
export function retrySeconds(shortage: Shortage, nowMs: number): number | undefined {
  switch (shortage.kind) {
    case "spent":
      return secondsUntil(shortage.allowance.resetMs, nowMs);
    case "held":
      return heldRetrySeconds;
    case "limit":
      return secondsUntil(shortage.standing.resetMs, nowMs) ?? concurrentRetrySeconds;
  }
}

/** Names and values in turn: when to come again, and that nobody shall before. */
export function retryHeaders(shortage: Shortage, nowMs: number): string[] {
  const seconds = retrySeconds(shortage, nowMs);
  const isForNothing = shortage.kind === "spent" || seconds === undefined || seconds > heededSecondsMax;
  return [
    ...(seconds === undefined ? [] : ["retry-after", String(seconds)]),
    ...(isForNothing ? ["x-should-retry", "false"] : []),
  ];
}

/** In words that hold at every door. */
export function shortageText(shortage: Shortage, nowMs: number): string {
  return publicText(shortageCodes[shortage.kind], `${whichOf(shortage)} ${whenOf(shortage, nowMs)}`);
}

export function whichOf(shortage: Shortage): string {
  if (shortage.kind !== "limit") return `It is that of the ${shortage.allowance.scope}.`;
  const { standing, decision } = shortage;
  const { measure, limit } = standing;
  return `${decision === undefined ? "It" : `That of the policy \`${decision.policyName}\``} lets through ${measure === "concurrent" ? `${limit} calls at a time` : `${limit} ${measure} in its window`}.`;
}

function whenOf(shortage: Shortage, nowMs: number): string {
  if (shortage.kind === "spent") {
    const { resetMs } = shortage.allowance;
    return resetMs === undefined ? "It does not reset by itself." : `It resets at ${new Date(resetMs).toISOString()}.`;
  }
  return `Try again in ${retrySeconds(shortage, nowMs)}s.`;
}

function secondsUntil(resetMs: number | undefined, nowMs: number): number | undefined {
  return resetMs === undefined ? undefined : Math.max(1, Math.ceil((resetMs - nowMs) / 1_000));
}

function isFuller(one: Allowance, other: Allowance): boolean {
  return one.settledNanoUsd * other.limitNanoUsd > other.settledNanoUsd * one.limitNanoUsd;
}

function lastToReset(allowances: readonly Allowance[]): Allowance | undefined {
  const endOf = ({ resetMs = Infinity }: Allowance): number => resetMs;
  return allowances.reduce<Allowance | undefined>(
    (last, next) => (last === undefined || endOf(next) > endOf(last) ? next : last),
    undefined,
  );
}
