// What patterns of models grant, apart from views and keys. A pattern that reached across its slash, or took an alias for a
// provider's model, would open more than its author can see in it.

import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { bothModelGrants, modelGrantOf } from "./model-grant.ts";
import { modelPatternProblem, servedModelProblem, servesModel } from "./model-pattern.ts";

describe("a pattern", () => {
  test.each([
    ["openai/gpt-5", "openai", "gpt-5", true],
    ["openai/gpt-5", "openai", "gpt-5-mini", false],
    ["openai/*", "openai", "meta/llama/3", true],
    ["openai/*", "openai-eu", "gpt-5", false],
    ["openai*/gpt*", "openai-eu", "gpt-5", true],
    ["*/*", "any", "thing", true],
    ["*", "any", "thing", true],
    ["*/meta/*", "router", "meta/llama", true],
    ["router/*/llama", "router", "meta/llama", true],
    ["*mini", "openai", "gpt-5-mini", false],
    ["gpt-5", "openai", "gpt-5", false],
    ["OpenAI/gpt-5", "openai", "gpt-5", false],
    ["a.b/c", "axb", "c", false],
    ["", "openai", "gpt-5", false],
  ])("%s on %s/%s: %s", (pattern, provider, model, expected) => {
    expect(modelGrantOf([pattern]).allows(provider, model)).toBe(expected);
  });

  const targets = [
    { provider: "openai", model: "gpt-5" },
    { provider: "eu", model: "gpt-5" },
  ];
  test.each([
    [["fast"], true],
    [["f*"], true],
    [["*"], true],
    [["slow"], false],
    [["fast/*"], false],
    [["openai/*"], false],
    [["openai/*", "eu/gpt-5"], true],
    [["*/gpt-5"], true],
  ])("%j grants an alias, by its name or by all of its targets: %s", (patterns, expected) => {
    expect(modelGrantOf(patterns).allowsAlias("fast", targets)).toBe(expected);
  });

  test("grants no alias by targets of which nothing is known", () => {
    expect(modelGrantOf(["*/*"]).allowsAlias("fast", [])).toBe(false);
  });

  test.each([
    ["*", undefined],
    ["openai/*", undefined],
    ["claude-fast", undefined],
    ["open*/gpt-5*", undefined],
    ["router/meta/llama:free@1", undefined],
    ["", "is empty"],
    ["openai/", "names no model behind its slash"],
    ["/gpt-5", "names a provider that cannot be"],
    ["Open AI/x", "holds a space or a character outside ASCII"],
    ["OpenAI/x", "names a provider that cannot be"],
    ["Fast", "names an alias that cannot be"],
    [`a/${"x".repeat(limits.modelPatternCharsMax)}`, "is longer than 256 characters"],
  ])("%s: %s", (pattern, problem) => {
    expect(modelPatternProblem(pattern)).toBe(problem);
  });
});

describe("a set of patterns", () => {
  test("is compiled once, however it is ordered or repeated, and grants nothing when it is empty", () => {
    const grant = modelGrantOf(["a/b", "c/*"]);
    expect(modelGrantOf(["c/*", "a/b", "a/b"])).toBe(grant);
    expect(modelGrantOf([]).allows("a", "b") || modelGrantOf([]).allowsAlias("a", [])).toBe(false);
  });

  test("joined with another grants what both do, an alias by name or by targets on either side", () => {
    const [key, team] = [modelGrantOf(["fast", "a/*"]), modelGrantOf(["a/x"])];
    const both = bothModelGrants(key, team);
    expect(bothModelGrants(key, team)).toBe(both);
    expect(bothModelGrants(key, key)).toBe(key);
    expect([both.allows("a", "x"), both.allows("a", "y")]).toEqual([true, false]);
    expect(both.allowsAlias("fast", [{ provider: "a", model: "x" }])).toBe(true);
    expect(both.allowsAlias("fast", [{ provider: "a", model: "y" }])).toBe(false);
  });

  test("stays right when more sets have been seen than are kept", () => {
    for (let i = 0; i < 10_100; i++) modelGrantOf([`p/model-${i}`]);
    expect(modelGrantOf(["p/model-0"]).allows("p", "model-0")).toBe(true);
    expect(modelGrantOf(["p/model-0"]).allows("p", "model-1")).toBe(false);
  });
});

test("a provider serves what its patterns match, and everything where it has none", () => {
  const serves = (patterns: string[]) => ["gpt-5", "gpt-5-mini", "o3"].map((model) => servesModel(patterns, model));
  expect(serves([])).toEqual([true, true, true]);
  expect(serves(["gpt-5"])).toEqual([true, false, false]);
  expect(serves(["gpt-*", "o3"])).toEqual([true, true, true]);
  expect(serves(["*-mini"])).toEqual([false, true, false]);
  expect(["*", "gpt-5*", "a/b:c", "", "a b"].map(servedModelProblem)).toEqual([
    ...[undefined, undefined, undefined],
    ...["is empty", "holds a space or a character outside ASCII"],
  ]);
});
