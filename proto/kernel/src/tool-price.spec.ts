// What a call of a tool costs. A price that is not found is money that nobody counts.

import { create } from "@bufbuild/protobuf";
import { PriceListSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { toolPrice } from "./tool-price.ts";

const listOf = (...prices: [tool: string, nano: bigint][]) => ({
  priceList: create(PriceListSchema, { toolPrices: prices.map(([tool, callNanoUsd]) => ({ tool, callNanoUsd })) }),
});

test("the tool that is named comes first, then the longest pattern, whatever their order", () => {
  const view = listOf(["*/*", 1n], ["github/*", 2n], ["github/search_*", 3n], ["github/search_code", 4n], ["g*/*", 9n]);
  const prices = ["search_code", "search_issues", "read", "search_code"].map((tool) => toolPrice(view, "github", tool));
  expect(prices).toEqual([4n, 3n, 2n, 4n]);
  expect(toolPrice(view, "files", "read")).toBe(1n);
});

test("a tool without a price is free; where the list is not understood, it is not known", () => {
  expect(toolPrice(listOf(["github/*", 2n]), "files", "read")).toBe(0n);
  expect(toolPrice({ priceList: undefined }, "files", "read")).toBe(0n);
  expect(toolPrice({ priceList: "refused" }, "files", "read")).toBeUndefined();
});

test("names that clients make up are priced and change nothing of others", () => {
  const view = listOf(["github/*", 2n], ["github/read", 3n]);
  for (let count = 0; count < 3_000; count++) expect(toolPrice(view, "github", `made-up-${count}`)).toBe(2n);
  expect(toolPrice(view, "github", "x".repeat(10_000))).toBe(2n);
  expect(toolPrice(view, "github", "read")).toBe(3n);
});
