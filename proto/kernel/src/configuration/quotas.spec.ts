// Budgets, limits and prices of tools of a file: dollars to the nano as they stand there, and every mistake at its place. A mistake that were taken
// for something else would bound nobody, or everybody.

import {
  LimitMeasure,
  LimitWindow,
  BudgetFeature,
  BudgetLedgerLost,
  BudgetPeriod,
  BudgetReservation,
} from "@tollgate/schema/resources";
import { describe, expect, test } from "vitest";
import { budgetDefaults } from "../quotas/budget-rules.ts";
import { marked } from "./configuration.fixture.ts";
import { parseConfiguration } from "./configuration.ts";
import { formatIssue } from "./issue.ts";

const parse = (text: string) => parseConfiguration(text, { fileName: "f.yaml", resolve: () => undefined });

function taken(text: string) {
  const parsed = parse(text);
  if (parsed.outcome === "invalid") throw new Error(parsed.report);
  return parsed.configuration;
}

const head = "version: 1\nteams: [{ name: blue }]\nkeys: [{ name: alice, team: blue }]\n";
const whole = `${head}budgets:
  - { name: plain, scope: { team: blue }, limit: 0.000000001, period: day }
  - name: whole
    scope: { label: { project: apollo } }
    limit: "99999999.999999999"
    period: total
    timeZone: Europe/Berlin
    hard: false
    reservation: full
    exposureMax: 0
    marginTokens: 0
    allow: { advisor: 1, webSearch: "0.5" }
    onLedgerLost: allow
    thresholds: [80, 150]
limits:
  - { name: calm, scope: { key: alice }, measure: requests, amount: 600, window: minute, models: ["openai/*"], tools: ["files/*"] }
  - { name: few, scope: { team: blue }, measure: concurrentCalls, amount: 3 }
`;

test("are read with what is meant where nothing is said, and dollars exactly", () => {
  const { budgets, limits } = taken(whole);
  expect(budgets).toEqual([
    {
      ...{ name: "plain", scope: { kind: "team", name: "blue" }, at: { line: 5, column: 13 } },
      settings: { ...budgetDefaults, limitNanoUsd: 1n, period: BudgetPeriod.DAY },
    },
    {
      ...{ name: "whole", scope: { kind: "label", name: "project", value: "apollo" }, at: { line: 6, column: 11 } },
      settings: {
        ...{ limitNanoUsd: 10n ** 17n - 1n, period: BudgetPeriod.TOTAL, timeZone: "Europe/Berlin", hard: false },
        ...{ reservation: BudgetReservation.FULL, exposureMaxNanoUsd: 0n, marginTokens: 0 },
        allow: [
          { feature: BudgetFeature.WEB_SEARCH, nanoUsd: 500_000_000n },
          { feature: BudgetFeature.ADVISOR, nanoUsd: 1_000_000_000n },
        ],
        ...{ onLedgerLost: BudgetLedgerLost.ALLOW, thresholdsPercent: [80, 150] },
      },
    },
  ]);
  expect(limits).toMatchObject([
    {
      ...{ name: "calm", scope: { kind: "key", name: "alice" } },
      settings: {
        ...{ measure: LimitMeasure.REQUESTS, amount: 600n, window: LimitWindow.MINUTE },
        ...{ models: ["openai/*"], tools: ["files/*"] },
      },
    },
    { name: "few", settings: { measure: LimitMeasure.CONCURRENT_CALLS, amount: 3n, window: undefined } },
  ]);
});

const budget = (fields: string, scope = "{ team: blue }") =>
  `${head}budgets:\n  - { name: b, scope: ${scope}, ${fields} }\n`;
const plain = "limit: 5, period: day";
const limit = (fields: string, scope = "{ team: blue }") =>
  `${head}limits:\n  - { name: l, scope: ${scope}, ${fields} }\n`;

describe("are refused at their place", () => {
  test.each<[string, string, string]>([
    ["nobody", budget(plain, "⟨⟩{}"), "`budgets[0].scope` must be exactly one of customer, team, user, key and label."],
    [
      "two",
      budget(plain, "⟨⟩{ team: blue, key: alice }"),
      "`budgets[0].scope` must be exactly one of customer, team, user, key and label.",
    ],
    [
      "a team that is misspelt",
      budget(plain, "{ team: ⟨⟩blu }"),
      "`budgets[0].scope.team` names no team of this file; the nearest is `blue`.",
    ],
    [
      "a user, where the file has none",
      budget(plain, "{ user: ⟨⟩ann }"),
      "`budgets[0].scope.user` names no user of this file.",
    ],
    [
      "two labels",
      budget(plain, "{ label: ⟨⟩{ a: b, c: d } }"),
      "`budgets[0].scope.label` must be one name and its value.",
    ],
    [
      "a value that is two",
      budget(plain, '{ label: { project: ⟨⟩"a,b" } }'),
      "`budgets[0].scope.label.project` is not 1 to 64 letters, digits and . _ : / @ + -.",
    ],
    [
      "more than can be meant",
      budget("limit: ⟨⟩100000001, period: day"),
      "`budgets[0].limit` is not an amount from 0 to 100000000 dollars, as 0.25, with at most nine decimal places.",
    ],
    [
      "a period that is none",
      budget("limit: 1, period: ⟨⟩fortnight"),
      "`budgets[0].period` is none of day, week, month, year and total.",
    ],
    [
      "a zone that nobody knows",
      budget(`${plain}, timeZone: ⟨⟩Moon/Base`),
      "`budgets[0].timeZone` is not a time zone as IANA calls it, such as Europe/Berlin.",
    ],
    [
      "thresholds that fall",
      budget(`${plain}, thresholds: ⟨⟩[2, 1]`),
      "`budgets[0].thresholds` is not a rising list of whole numbers from 1 to 1000.",
    ],
    [
      "a feature that is none",
      budget(`${plain}, allow: { ⟨⟩webSerch: 1 }`),
      "`budgets[0].allow` has an unknown field `webSerch`; the nearest that it takes is `webSearch`.",
    ],
    [
      "an override",
      budget(`${plain}, ⟨⟩overrides: []`),
      "`budgets[0].overrides` is not supported by this version yet.",
    ],
    [
      "requests without a window",
      limit("measure: requests, amount: 1").replace("- {", "- ⟨⟩{"),
      "`limits[0]` lacks a `window`.",
    ],
    [
      "calls at one time in a window",
      limit("measure: concurrentCalls, amount: 1, window: ⟨⟩day"),
      "`limits[0].window` is not for calls at one time, which have none.",
    ],
    [
      "tokens of tools",
      limit('measure: tokens, amount: 1, window: day, tools: ⟨⟩["a/*"]'),
      "`limits[0].tools` are of calls that have no tokens.",
    ],
    [
      "an alias",
      limit("measure: tokens, amount: 1, window: day, models: [⟨⟩fast]"),
      "`limits[0].models[0]` is of an alias; a limit counts the models that are called, as provider/model.",
    ],
    [
      "a label",
      limit("measure: requests, amount: 1, window: day", "⟨⟩{ label: { a: b } }"),
      "`limits[0].scope` is a label, which limits do not count by.",
    ],
    [
      "a price of a prompt",
      "version: 1\nprices: [{ tool: ⟨⟩prompt:github/review, perCall: 0.002 }]\n",
      "`prices[0].tool` is not of a tool, and nothing else has a price.",
    ],
    [
      "a tool by the token",
      "version: 1\nprices: [{ tool: github/review, perCall: 1, ⟨⟩inputPerMillion: 1 }]\n",
      "`prices[0]` has an unknown field `inputPerMillion`; it takes tool, perCall.",
    ],
    [
      "one tool's price twice",
      "version: 1\nprices: [{ tool: a/b, perCall: 1 }, ⟨⟩{ tool: a/b, perCall: 2 }]\n",
      "`prices[1]` is the price of line 2 again.",
    ],
  ])("%s", (_, text, message) => {
    const { text: file, line, column } = marked(text);
    const parsed = parse(file);
    expect(parsed.outcome === "invalid" && parsed.issues.map((issue) => formatIssue("f", issue))).toEqual([
      `f:${line}:${column}: ${message}`,
    ]);
  });
});
