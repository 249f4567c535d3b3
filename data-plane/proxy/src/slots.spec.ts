// The calls under way are in here: one that is forgotten has no deadline, and one that stays is cut though it is over.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

const seed = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);

test(`holds what was added and not let go of, whatever the order (seed ${seed})`, () => {
  const steps = fc.array(fc.record({ isAdding: fc.boolean(), pick: fc.nat() }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (taken) => {
      const slots = createSlots<{ name: number }>();
      const model = new Map<{ name: number }, () => void>();
      const past: (() => void)[] = [];
      const gone: { name: number }[] = [];
      for (const [name, { isAdding, pick }] of taken.entries()) {
        const [value, letGo] = [...model][pick % Math.max(1, model.size)] ?? [];
        if (isAdding || value === undefined || letGo === undefined) {
          // Now and then one that was here before.
          const again = gone.at(pick % Math.max(1, gone.length));
          const added = again !== undefined && !model.has(again) ? again : { name };
          model.set(added, slots.add(added));
        } else {
          letGo();
          model.delete(value);
          gone.push(value);
          past.push(letGo);
        }
        // Who says it twice must not let go of what is in the slot now.
        past[pick % Math.max(1, past.length)]?.();
      }
      expect(new Set(slots)).toEqual(new Set(model.keys()));
      expect([...slots]).toHaveLength(model.size);
    }),
    { seed },
  );
});

test("lets go of things while it is being gone through", () => {
  const slots = createSlots<{ letGo?: () => void }>();
  const all = [{}, {}, {}].map((value: { letGo?: () => void }) => Object.assign(value, { letGo: slots.add(value) }));
  const seen = [];
  for (const value of slots) {
    seen.push(value);
    for (const { letGo } of all.slice(0, 2)) letGo();
  }
  expect(seen).toEqual([all[0], all[2]]);
  expect([...slots]).toEqual([all[2]]);
});
