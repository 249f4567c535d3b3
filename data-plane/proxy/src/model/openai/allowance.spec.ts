// What OpenAI's clients are told of budgets and limits, to the byte. With a spent budget and a reached limit mixed up, an agent
// hammers, or stops for nothing. That Codex gives up on the one and comes again for the other, test/clients shows.

import { expect, test } from "vitest";
import { allowance, limit, nowMs } from "../../fixtures/allowance-fixture.ts";
import { shortageAnswer, standingHeaders } from "./allowance.ts";

const none = { allowances: [], limits: [] };

test("limits are in the protocol's own headers, and budgets in none", () => {
  const limits = [
    limit({ limit: 60, remaining: 59, resetMs: nowMs + 1_000 }),
    limit({ measure: "tokens", limit: 10_000, remaining: -3, resetMs: undefined }),
    limit({ measure: "concurrent", limit: 2, remaining: 1, resetMs: undefined }),
  ];
  expect(standingHeaders({ allowances: [allowance({ settledNanoUsd: 99n })], limits }, nowMs)).toEqual([
    ...["x-ratelimit-limit-requests", "60", "x-ratelimit-remaining-requests", "59"],
    ...["x-ratelimit-reset-requests", "1s"],
    ...["x-ratelimit-limit-tokens", "10000", "x-ratelimit-remaining-tokens", "0"],
  ]);
});

test.each([
  [-5, "0ms"],
  [119.5, "120ms"],
  [1_001, "2s"],
  [60_000, "1m0s"],
  [359_500, "6m0s"],
  [86_400_000, "24h0m0s"],
])("%d ms until the reset are %s", (ms, text) => {
  expect(standingHeaders({ allowances: [], limits: [limit({ resetMs: nowMs + ms })] }, nowMs).at(-1)).toBe(text);
});

test("a spent budget is a quota that is used up, and nobody comes again before the reset", () => {
  const spent = allowance({ settledNanoUsd: 99n, state: "spent" });
  const { status, headers, body } = shortageAnswer({ kind: "spent", allowance: spent }, none, nowMs);
  expect([status, headers]).toEqual([429, ["retry-after", "43201", "x-should-retry", "false"]]);
  expect(JSON.parse(body)).toEqual({
    error: {
      message:
        "A budget that this call is charged to is spent. It is that of the key. It resets at 2026-08-08T00:00:00.700Z.",
      ...{ type: "insufficient_quota", param: null, code: "insufficient_quota" },
    },
  });
});

test("what is only held, and a limit, are rate limits that say how long to wait", () => {
  const held = allowance({ heldNanoUsd: 100n, state: "held" });
  const reached = limit({ remaining: 0, resetMs: nowMs + 11_054 });
  const answers = [
    shortageAnswer({ kind: "held", allowance: held }, none, nowMs),
    shortageAnswer({ kind: "limit", standing: reached }, { allowances: [], limits: [reached] }, nowMs),
  ];
  expect(answers.map(({ status, headers }) => [status, headers])).toEqual([
    [429, ["retry-after", "5"]],
    [
      429,
      [
        ...["retry-after", "12", "x-ratelimit-limit-requests", "10", "x-ratelimit-remaining-requests", "0"],
        ...["x-ratelimit-reset-requests", "12s"],
      ],
    ],
  ]);
  for (const [at, { body }] of answers.entries()) {
    expect(JSON.parse(body).error).toEqual({
      message: expect.stringMatching(at === 0 ? /Try again in 5s\.$/ : /Try again in 12s\.$/),
      ...{ type: "rate_limit_exceeded", param: null, code: "rate_limit_exceeded" },
    });
  }
});
