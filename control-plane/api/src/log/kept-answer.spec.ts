// The codec of kept answers. What comes back must be what went in, or a repeated mutation is answered differently; equal
// arguments must print alike, or an honest repetition is refused as another request.

import { expect, test } from "vitest";
import { fromPlain, toPlain } from "./kept-answer.ts";

test("instants and counts come back as such, wherever they stand", () => {
  const answer = {
    __typename: "X",
    position: 2n ** 60n,
    list: [{ at: new Date(1_800_000_000_123), none: null, few: 3, yes: true, text: '"$count"' }],
  };
  expect(fromPlain(JSON.stringify(toPlain(answer)))).toEqual(answer);
});

test("the order in which members were written does not matter; absent and null do", () => {
  const print = (value: unknown): string => JSON.stringify(toPlain(value));
  expect(print({ b: { d: 1, c: 2 }, a: [1] })).toBe(print({ a: [1], b: { c: 2, d: 1 } }));
  expect(print({ a: null })).not.toBe(print({}));
});
