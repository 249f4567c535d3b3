// What Anthropic's clients are told of budgets and limits. Claude Code has a contract with gateways (2.1.329): by headers of an
// answer it warns past 75 % and past 95 % of a budget, it prints a `billing_error` as it stands, and `/api/oauth/usage` gives it
// the dollars. It warns and asks for the dollars only where its user has said that he is at a gateway (`CLAUDE_CODE_USE_GATEWAY=1`);
// that it stops, and says why, needs nothing.

import { doorShapeOf, publicText } from "@tollgate/kernel/errors";
import { headLines } from "../../http/gate-response.ts";
import {
  addLimits,
  describedAllowance,
  isPast,
  percentSettled,
  retryHeaders,
  shortageCodes,
  shortageText,
  whichOf,
  type Allowance,
  type Shortage,
  type ShortageAnswer,
  type Standing,
} from "../../pipeline/allowance.ts";
import { errorBodyOf } from "./envelope.ts";

/** Made once: almost every answer to whom a budget is for has them. */
const unified = {
  status: "anthropic-ratelimit-unified-status",
  representativeClaim: "anthropic-ratelimit-unified-representative-claim",
  reset: "anthropic-ratelimit-unified-reset",
  overageStatus: "anthropic-ratelimit-unified-overage-status",
  overageUtilization: "anthropic-ratelimit-unified-overage-utilization",
  overageSurpassedThreshold: "anthropic-ratelimit-unified-overage-surpassed-threshold",
  overageReset: "anthropic-ratelimit-unified-overage-reset",
  overagePeriod: "anthropic-ratelimit-unified-overage-period",
  overageDisabledReason: "anthropic-ratelimit-unified-overage-disabled-reason",
  overageScope: "anthropic-ratelimit-unified-overage-scope",
} as const;
const utilizations: readonly string[] = Array.from({ length: 100 }, (_, percent) => (percent / 100).toFixed(2));
/** Past which the client warns, the higher first. */
const thresholds = [95, 75] as const;
/** The periods that the client knows, and how it calls them. */
const periodNames: { readonly [period in Allowance["period"]]?: string } = {
  day: "daily",
  week: "weekly",
  month: "monthly",
};
/** Budgets that more than one person draws on. */
const sharedScopes: ReadonlySet<Allowance["scope"]> = new Set(["team", "customer", "label"]);
const nanoUsdPerCent = 10_000_000n;

/** Of an answer to a call that went out; names and values in turn. Nothing where there is nothing to say. */
export function standingHeaders({ allowances, limits }: Standing): string[] {
  const described = describedAllowance(allowances);
  return addLimits(described === undefined ? [] : allowedHeaders(described), limits, limitNames, limitResetText);
}

export function standingLines(standing: Standing): string {
  return headLines(standingHeaders(standing));
}

export function shortageAnswer(
  shortage: Shortage,
  { limits }: Standing,
  nowMs: number,
  requestId: string,
): ShortageAnswer {
  const code = shortageCodes[shortage.kind];
  const { http, type } = doorShapeOf(code, "anthropic");
  const isSpent = shortage.kind === "spent";
  return {
    status: http,
    headers: [
      ...retryHeaders(shortage, nowMs),
      ...(isSpent ? rejectedHeaders(shortage.allowance) : []),
      ...addLimits([], limits, limitNames, limitResetText),
    ],
    body: errorBodyOf(type, isSpent ? spentMessage(shortage) : shortageText(shortage, nowMs), requestId),
  };
}

/** The answer to `GET /api/oauth/usage`. Without a budget there is no cap, which is not a cap of nothing. */
export function usageBody(allowances: readonly Allowance[]): string {
  const active = describedAllowance(allowances);
  if (active === undefined) return '{"limits":[]}';
  const extra_usage = {
    is_enabled: true,
    // It is called so whatever the period is. Rounded up: 0 would be a cap of nothing.
    monthly_limit: Number((active.limitNanoUsd + nanoUsdPerCent - 1n) / nanoUsdPerCent),
    used_credits: Number(active.settledNanoUsd / nanoUsdPerCent),
    utilization: percentUsed(active),
    currency: "USD",
  };
  const limits = allowances.map((allowance) => ({
    kind: "spend",
    group: periodNames[allowance.period] ?? allowance.period,
    percent: percentUsed(allowance),
    resets_at: resetTime(allowance) ?? null,
    severity: severityOf(allowance),
    is_active: allowance === active,
  }));
  return JSON.stringify({ extra_usage, limits });
}

function allowedHeaders(allowance: Allowance): string[] {
  const settled = percentSettled(allowance);
  const passed = settled < thresholds[1] ? undefined : thresholds.find((percent) => isPast(allowance, percent));
  const status = passed === undefined ? "allowed" : "allowed_warning";
  // A full one is none that calls go out on; the client takes 1 for that.
  const utilization = utilizations[Math.min(settled, 99)] ?? "0.00";
  const headers = [
    unified.status,
    status,
    unified.representativeClaim,
    "overage",
    unified.overageStatus,
    status,
    unified.overageUtilization,
    utilization,
  ];
  if (passed !== undefined) headers.push(unified.overageSurpassedThreshold, String(passed / 100));
  return addReset(headers, allowance);
}

/** No claim and no overage status: with them the client would say something of its own in place of the message. */
function rejectedHeaders(allowance: Allowance): string[] {
  const period = periodNames[allowance.period];
  const headers = [
    ...[unified.status, "rejected", unified.overageUtilization, "1", unified.overageSurpassedThreshold, "1"],
    ...(period === undefined ? [] : [unified.overagePeriod, period]),
    ...[unified.overageDisabledReason, "org_spend_cap_reached"],
    ...(sharedScopes.has(allowance.scope) ? [unified.overageScope, "group_pool"] : []),
  ];
  return addReset(headers, allowance);
}

function addReset(headers: string[], { resetMs }: Allowance): string[] {
  if (resetMs === undefined) return headers;
  const seconds = String(Math.floor(resetMs / 1_000));
  headers.push(unified.reset, seconds, unified.overageReset, seconds);
  return headers;
}

/** The client knows the first two parts by their form, and puts the time in its user's own zone. */
function spentMessage(shortage: Shortage & { kind: "spent" }): string {
  const { resetMs } = shortage.allowance;
  const resets = resetMs === undefined ? "does not reset by itself" : `resets ${dayOf(resetMs)}`;
  const help = "Whoever runs the gate can raise it.";
  return `spend limit reached · ${resets} · ${publicText("budget.spent", `${whichOf(shortage)} ${help}`)}`;
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toLocaleDateString("en-US", { month: "short", day: "numeric", timeZone: "UTC" });
}

const limitNames = (["requests", "tokens"] as const).map((measure) => {
  const name = `anthropic-ratelimit-${measure}-`;
  return { measure, limit: `${name}limit`, remaining: `${name}remaining`, reset: `${name}reset` };
});

/** Who comes back at that second must not be too early. */
function limitResetText(resetMs: number): string {
  return timeText(Math.ceil(resetMs / 1_000));
}

/** The second that the headers name, too: the client pairs the two only where they agree. */
function resetTime({ resetMs }: { readonly resetMs: number | undefined }): string | undefined {
  return resetMs === undefined ? undefined : timeText(Math.floor(resetMs / 1_000));
}

/** Of all calls until then it is the same text. */
let lastTime = { seconds: 0, text: new Date(0).toISOString() };

function timeText(seconds: number): string {
  if (seconds !== lastTime.seconds) lastTime = { seconds, text: new Date(seconds * 1_000).toISOString() };
  return lastTime.text;
}

function percentUsed(allowance: Allowance): number {
  const percent = percentSettled(allowance);
  return allowance.state === "spent" ? Math.max(100, percent) : percent;
}

function severityOf(allowance: Allowance): "normal" | "warning" | "critical" {
  if (allowance.state === "spent" || isPast(allowance, 95)) return "critical";
  return isPast(allowance, 75) ? "warning" : "normal";
}
