// The map against the built-in one, with every former version held on to: a view that a request reads must never change.

import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyMap, type ShardedMap } from "./sharded-map.ts";

// Few ids, so that removals hit; and some far apart, so that several shards are touched.
const ids = fc.oneof(fc.constantFrom("a", "b", "c", "key/1", ""), fc.string());
const batches = fc.array(fc.array(fc.tuple(ids, fc.option(fc.nat(), { nil: undefined })), { maxLength: 12 }), {
  maxLength: 12,
});

test("behaves as a map, batch after batch, and every former version stays as it was", () => {
  fc.assert(
    fc.property(batches, (all) => {
      const versions: { map: ShardedMap<number>; model: Map<string, number> }[] = [];
      let map = emptyMap<number>();
      const model = new Map<string, number>();
      for (const batch of all) {
        map = map.change(batch);
        for (const [id, value] of batch) {
          if (value === undefined) model.delete(id);
          else model.set(id, value);
        }
        versions.push({ map, model: new Map(model) });
      }
      for (const version of versions) {
        expect(version.map.size).toBe(version.model.size);
        for (const [id, value] of version.model) expect(version.map.get(id)).toBe(value);
        expect([...version.map.values()].sort()).toEqual([...version.model.values()].sort());
      }
      for (const [id] of all.flat()) expect(map.get(id)).toBe(model.get(id));
    }),
  );
});

test("an empty map has nothing, whatever is asked", () => {
  expect(emptyMap().size).toBe(0);
  expect(emptyMap().get("__proto__")).toBeUndefined();
  expect([...emptyMap().values()]).toEqual([]);
});
