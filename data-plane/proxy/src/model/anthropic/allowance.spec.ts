// What Anthropic's clients are told of budgets and limits, to the byte: Claude Code acts on these names and values, and what it
// does not know it leaves out without a word. That it does act on them, test/clients shows with the program itself.

import { expect, test } from "vitest";
import { allowance, limit, nowMs } from "../../fixtures/allowance-fixture.ts";
import type { Allowance } from "../../pipeline/allowance.ts";
import { shortageAnswer, standingHeaders, usageBody } from "./allowance.ts";

const usd = 1_000_000_000n;
const unified = (headers: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    headers.flatMap((name, at) =>
      at % 2 === 0 ? [[name.replace("anthropic-ratelimit-unified-", ""), headers[at + 1] ?? ""]] : [],
    ),
  );
const told = (allowances: readonly Allowance[]) => unified(standingHeaders({ allowances, limits: [] }));
const reset = { reset: "1786147200", "overage-reset": "1786147200" };

test("nothing is said where there is no budget and no limit", () => {
  expect(standingHeaders({ allowances: [], limits: [] })).toEqual([]);
});

test.each([
  [0n, "0.00", undefined],
  [75n, "0.75", undefined],
  [76n, "0.76", "0.75"],
  [80n, "0.80", "0.75"],
  [95n, "0.95", "0.75"],
  [96n, "0.96", "0.95"],
  // Never full while calls go out, were it a soft budget's third of three.
  [100n, "0.99", "0.95"],
  [250n, "0.99", "0.95"],
] as const)("at %i %% of a budget the share is %s, and the threshold passed is %s", (settled, share, passed) => {
  const status = passed === undefined ? "allowed" : "allowed_warning";
  expect(told([allowance({ settledNanoUsd: settled })])).toEqual({
    ...{ status, "overage-status": status, "representative-claim": "overage", "overage-utilization": share },
    ...(passed === undefined ? {} : { "overage-surpassed-threshold": passed }),
    ...reset,
  });
});

test("what calls hold warns nobody, and a budget that never resets names no time", () => {
  expect(told([allowance({ heldNanoUsd: 99n, period: "total", resetMs: undefined })])).toEqual({
    ...{ status: "allowed", "overage-status": "allowed", "representative-claim": "overage" },
    "overage-utilization": "0.00",
  });
});

test("a spent budget is a billing error whose message the client prints, and nobody comes again before the reset", () => {
  const spent = allowance({ settledNanoUsd: 99n, state: "spent" });
  const answer = shortageAnswer({ kind: "spent", allowance: spent }, { allowances: [spent], limits: [] }, nowMs, "r1");
  expect(answer.status).toBe(429);
  expect(unified(answer.headers)).toEqual({
    ...{ "retry-after": "43201", "x-should-retry": "false" },
    ...{ status: "rejected", "overage-utilization": "1", "overage-surpassed-threshold": "1" },
    ...{ "overage-period": "daily", "overage-disabled-reason": "org_spend_cap_reached" },
    ...reset,
  });
  expect(JSON.parse(answer.body)).toEqual({
    type: "error",
    error: {
      type: "billing_error",
      message:
        "spend limit reached · resets Aug 8 · A budget that this call is charged to is spent. " +
        "It is that of the key. Whoever runs the gate can raise it.",
    },
    request_id: "r1",
  });
});

test.each([
  ["key", "month", { "overage-period": "monthly" }],
  ["user", "week", { "overage-period": "weekly" }],
  // The client knows neither, and takes a period that is not there for a month.
  ["user", "year", {}],
  ["key", "total", {}],
  ["team", "month", { "overage-period": "monthly", "overage-scope": "group_pool" }],
  ["customer", "year", { "overage-scope": "group_pool" }],
  ["label", "day", { "overage-period": "daily", "overage-scope": "group_pool" }],
] as const)("a spent budget of a %s by the %s says whose it is", (scope, period, said) => {
  const spent = allowance({ scope, period, state: "spent" });
  const { headers, body } = shortageAnswer(
    { kind: "spent", allowance: spent },
    { allowances: [spent], limits: [] },
    nowMs,
    "r1",
  );
  const names = ["overage-period", "overage-scope"];
  expect(Object.fromEntries(Object.entries(unified(headers)).filter(([name]) => names.includes(name)))).toEqual(said);
  expect(body).toContain(`that of the ${scope}.`);
});

test("one that never resets says so, and names no time", () => {
  const spent = allowance({ state: "spent", period: "total", resetMs: undefined });
  const answer = shortageAnswer({ kind: "spent", allowance: spent }, { allowances: [spent], limits: [] }, nowMs, "r1");
  expect(answer.body).toContain("spend limit reached · does not reset by itself · ");
  expect(answer.headers.filter((name) => name.endsWith("reset") || name === "retry-after")).toEqual([]);
});

test("what is only held is a rate limit: nothing says that a budget is spent", () => {
  const held = allowance({ settledNanoUsd: 10n, heldNanoUsd: 90n, state: "held" });
  const answer = shortageAnswer({ kind: "held", allowance: held }, { allowances: [held], limits: [] }, nowMs, "r1");
  expect(answer.status).toBe(429);
  expect(answer.headers).toEqual(["retry-after", "5"]);
  expect(JSON.parse(answer.body).error).toMatchObject({ type: "rate_limit_error" });
});

test("limits are in the protocol's own headers, on either kind of answer", () => {
  const limits = [
    limit({ limit: 60, remaining: -1 }),
    limit({ measure: "tokens", limit: 10_000, remaining: 400, resetMs: undefined }),
    limit({ measure: "concurrent", limit: 2, remaining: 1, resetMs: undefined }),
  ];
  const headers = [
    ...["anthropic-ratelimit-requests-limit", "60", "anthropic-ratelimit-requests-remaining", "0"],
    ...["anthropic-ratelimit-requests-reset", "2026-08-08T00:00:01.000Z"],
    ...["anthropic-ratelimit-tokens-limit", "10000", "anthropic-ratelimit-tokens-remaining", "400"],
  ];
  expect(standingHeaders({ allowances: [], limits })).toEqual(headers);
  const [reached = limit()] = limits;
  const answer = shortageAnswer({ kind: "limit", standing: reached }, { allowances: [], limits }, nowMs, "r1");
  expect(answer.headers).toEqual(["retry-after", "43201", "x-should-retry", "false", ...headers]);
  expect(JSON.parse(answer.body).error).toMatchObject({ type: "rate_limit_error" });
});

test("`/api/oauth/usage` tells the dollars of the budget that the headers tell of, at the same second", () => {
  const mine = allowance({ limitNanoUsd: 500n * usd, settledNanoUsd: 271_409_999_999n, period: "month" });
  const teams = allowance({ limitNanoUsd: 10n * usd, settledNanoUsd: 8n * usd, period: "week", scope: "team" });
  expect(JSON.parse(usageBody([mine, teams]))).toEqual({
    extra_usage: { is_enabled: true, monthly_limit: 1_000, used_credits: 800, utilization: 80, currency: "USD" },
    limits: [
      {
        ...{ kind: "spend", group: "monthly", percent: 54, severity: "normal", is_active: false },
        resets_at: "2026-08-08T00:00:00.000Z",
      },
      {
        ...{ kind: "spend", group: "weekly", percent: 80, severity: "warning", is_active: true },
        resets_at: "2026-08-08T00:00:00.000Z",
      },
    ],
  });
});

test.each([
  [{ settledNanoUsd: usd / 100n, limitNanoUsd: usd / 100n, state: "spent" }, [1, 1, 100, "critical"]],
  // Less than a cent is no cap of nothing, and what is spent is full however little room was lacking.
  [{ settledNanoUsd: 1n, limitNanoUsd: 3n, state: "spent" }, [1, 0, 100, "critical"]],
  [{ settledNanoUsd: 15n * usd, limitNanoUsd: 10n * usd, state: "spent" }, [1_000, 1_500, 150, "critical"]],
  [{ settledNanoUsd: 96n, limitNanoUsd: 100n }, [1, 0, 96, "critical"]],
] as const)("a cap of %o is told in whole cents and per cent", (changed, [cap, used, percent, severity]) => {
  expect(JSON.parse(usageBody([allowance({ ...changed, period: "total", resetMs: undefined })]))).toEqual({
    ...{
      extra_usage: { is_enabled: true, monthly_limit: cap, used_credits: used, utilization: percent, currency: "USD" },
    },
    limits: [{ kind: "spend", group: "total", percent, resets_at: null, severity, is_active: true }],
  });
});

test("`/api/oauth/usage` without a budget has no cap", () => {
  expect(JSON.parse(usageBody([]))).toEqual({ limits: [] });
});
