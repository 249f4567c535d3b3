// Money is exact: what is printed is what is read, to the last nano-dollar, and nothing that is no amount is taken for one.

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatUsd, nanoPerUsd, parseUsd } from "./money.ts";

const amounts = fc.bigInt({ min: 0n, max: 10n ** 21n - 1n });

test("every amount survives being printed and read", () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      expect(parseUsd(formatUsd(amount))).toBe(amount);
    }),
  );
});

test("a debt is printed as its amount with a sign, and is not read", () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      if (amount === 0n) return;
      expect(formatUsd(-amount)).toBe(`-${formatUsd(amount)}`);
      expect(parseUsd(formatUsd(-amount))).toBeUndefined();
    }),
  );
});

test.each([
  ["0", 0n],
  ["2", 2n * nanoPerUsd],
  ["0.25", 250_000_000n],
  ["0.000000001", 1n],
  ["007.50", 7_500_000_000n],
])("%s is read exactly", (text, amount) => {
  expect(parseUsd(text)).toBe(amount);
});

test.each([
  "",
  ".",
  "1.",
  ".5",
  "-1",
  "+1",
  "1e3",
  "1,5",
  " 1",
  "1 ",
  "1\n",
  "0x1",
  "NaN",
  "0.0000000001",
  "1234567890123",
  "١",
])("%j is no amount", (text) => {
  expect(parseUsd(text)).toBeUndefined();
});
