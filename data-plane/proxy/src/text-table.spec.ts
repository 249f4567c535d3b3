// It is a `Map` to whoever looks into it, whatever comes and goes and wherever ids meet: a call that is not found again would be
// open for ever, and one that is found under another's id would end that one.

import fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../test/support/random.ts";
import { TextTable } from "./text-table.ts";

const seed = seedFromEnv();
const numRuns = 500;

/** Many of them with the same end, so that they meet. */
const key = fc
  .tuple(fc.constantFrom("", "a", "b", "c", "dd"), fc.constantFrom("00000000", "00000001", "0000001f", "7"))
  .map(([front, end]) => front + end);

test(`what comes and goes is found as in a map (seed ${seed})`, () => {
  const step = fc.record({ key, isGone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new TextTable<{ n: number }>();
      const map = new Map<string, { n: number }>();
      for (const [n, { key, isGone }] of steps.entries()) {
        for (const to of [table, map]) {
          if (isGone) to.delete(key);
          else to.set(key, { n });
        }
        expect(table.size).toBe(map.size);
        for (const known of [key, "00000000", "a7", "dd0000001f"]) expect(table.get(known)).toEqual(map.get(known));
      }
      expect([...table.values()].map(({ n }) => n).sort()).toEqual([...map.values()].map(({ n }) => n).sort());
    }),
    { seed, numRuns },
  );
});

test("thousands at once, and as many gone again, leave nothing behind", () => {
  const table = new TextTable<{ id: string }>();
  const ids = Array.from({ length: 5_000 }, (_, n) => `call-${n}`);
  for (const id of ids) table.set(id, { id });
  for (const id of ids) expect(table.get(id)?.id).toBe(id);
  for (const id of ids) table.delete(id);
  expect([table.size, [...table.values()]]).toEqual([0, []]);
});
