// A part that is too large would be refused for ever, and with it everything behind it.

import { expect, test } from "vitest";
import { sized } from "./sized.ts";

const cut = (sizes: readonly number[], max: number) => [...sized(sizes, (size) => size, max)];

test("parts keep the order and stay within the bound", () => {
  expect(cut([3, 3, 3, 1, 9, 1], 7)).toEqual([[3, 3], [3, 1], [9], [1]]);
  expect(cut([7, 7], 7)).toEqual([[7], [7]]);
  expect(cut([], 7)).toEqual([]);
});
