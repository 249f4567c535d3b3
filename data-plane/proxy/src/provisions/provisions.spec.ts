// A proxy's stock is what lets it start and write facts while it is cut off: it is full before it is needed, an epoch
// leaves it once, and a control plane that is away costs nothing but the next draw.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  DrawReplySchema,
  EpochKeySchema,
  SharedKeySchema,
  type DrawReply,
  type DrawRequestSchema,
} from "@tollgate/schema/provisions";
import { afterEach, expect, test } from "vitest";
import { epochKey } from "../fixtures/control-plane-fixture.ts";
import { until } from "../fixtures/gate-fixture.ts";
import { epochsInStockMin, startProvisions, type Provisions, type Stock } from "./provisions.ts";

type Request = MessageInitShape<typeof DrawRequestSchema>;

/** A control plane that gives numbers as the real one does, and can be away. */
function controlPlane() {
  let given = 0n;
  const world = { asked: [] as Request[], isAway: false, keyId: 1, keysEdition: "first" };
  const draw = async (request: Request): Promise<DrawReply> => {
    world.asked.push(request);
    if (world.isAway) throw new Error("away");
    const { epochs: count = 0, after = 0n, keysOf = [] } = request;
    given = after > given ? after : given;
    const fresh = Array.from({ length: count }, () => (given += 1n));
    const sealing = [create(SharedKeySchema, { id: world.keyId, key: Buffer.alloc(32, world.keyId) })];
    return create(DrawReplySchema, {
      epochs: [...keysOf, ...fresh].map((epoch) => ({ epoch, key: epochKey(epoch) })),
      sealing,
      keysEdition: world.keysEdition,
    });
  };
  return Object.assign(world, { provisions: { draw } });
}

let running: Provisions | undefined;
afterEach(() => running?.close());

function begin(control: ReturnType<typeof controlPlane>, kept?: Stock) {
  let used = 0n;
  const problems: unknown[] = [];
  let changes = 0;
  const provisions = startProvisions({
    ...{ control, kept, epochsMin: 0, usedUpTo: () => used },
    onChange: () => void changes++,
    onProblem: (problem) => problems.push(problem),
  });
  running = provisions;
  return {
    provisions,
    problems,
    changes: () => changes,
    unused: () => provisions.stock().epochs.filter(({ epoch }) => epoch > used).length,
    use() {
      const taken = provisions.take(used);
      if (taken !== undefined) used = taken.epoch;
      return taken?.epoch;
    },
  };
}

test("the stock is filled at once, an epoch leaves it once, and it is filled again before it is empty", async () => {
  const control = controlPlane();
  const { provisions, use, unused } = begin(control);
  expect(use()).toBeUndefined();
  await until(() => unused() === epochsInStockMin, "the first draw");
  const taken = Array.from({ length: epochsInStockMin - 2 }, use);
  expect(taken).toEqual(Array.from({ length: epochsInStockMin - 2 }, (_, index) => BigInt(index + 1)));
  expect(provisions.epochKey(1n)).toEqual(epochKey(1n));
  await until(() => unused() === epochsInStockMin, "the draw that a low stock hurries");
  expect(control.asked[1]).toMatchObject({ epochs: epochsInStockMin - 2, after: BigInt(epochsInStockMin) });
  expect(use()).toBe(BigInt(epochsInStockMin - 1));
});

test("a control plane that is away is asked again until it answers, and what is in stock serves meanwhile", async () => {
  const control = controlPlane();
  control.isAway = true;
  const kept: Stock = {
    epochs: [7n, 8n].map((epoch) => create(EpochKeySchema, { epoch, key: epochKey(epoch) })),
    sealing: [create(SharedKeySchema, { id: 5, key: Buffer.alloc(32, 5) })],
    records: [],
  };
  const { provisions, use, problems, unused } = begin(control, kept);
  expect([use(), use(), use()]).toEqual([7n, 8n, undefined]);
  expect(provisions.stock().sealing.map(({ id }) => id)).toEqual([5]);
  await until(() => problems.length > 1, "two tries");
  control.isAway = false;
  await until(() => unused() === epochsInStockMin, "the draw");
  // What the control plane gave meanwhile to nobody knows of, it gives above what was used.
  expect(use()).toBe(9n);
  expect(provisions.stock().sealing.map(({ id }) => id)).toEqual([1]);
});

test("an epoch of the kept stock that was used before the crash is not used again", async () => {
  const control = controlPlane();
  control.isAway = true;
  const epochs = [3n, 4n, 5n].map((epoch) => create(EpochKeySchema, { epoch, key: epochKey(epoch) }));
  running = startProvisions({
    ...{ control, kept: { epochs, sealing: [], records: [] }, epochsMin: 0, usedUpTo: () => 4n },
    ...{ onChange: () => undefined, onProblem: () => undefined },
  });
  expect(running.take(4n)?.epoch).toBe(5n);
});

test("keys of epochs whose facts are on disk are asked for, and those of stored ones are let go", async () => {
  const control = controlPlane();
  const { provisions, use, unused } = begin(control);
  await until(() => unused() === epochsInStockMin, "the first draw");
  for (let i = 0; i < 3; i++) use();
  provisions.need([2n]);
  expect([1n, 2n, 3n].map((epoch) => provisions.epochKey(epoch) !== undefined)).toEqual([false, true, false]);
  expect(unused()).toBe(epochsInStockMin - 3);
  provisions.need([1n, 2n]);
  await until(() => provisions.epochKey(1n) !== undefined, "the key of the first");
  expect(control.asked.at(-1)?.keysOf).toEqual([1n]);
});

test("whoever is in a hurry, draws follow one another no faster than once a second, and none follows the close", async () => {
  const control = controlPlane();
  const { provisions, unused, changes } = begin(control);
  await until(() => unused() === epochsInStockMin, "the first draw");
  const startMs = performance.now();
  for (let i = 0; i < 100; i++) provisions.hurry();
  await until(() => control.asked.length === 2, "the hurried draw");
  expect(performance.now() - startMs).toBeGreaterThan(800);
  await until(() => changes() === 2, "its answer");
  void provisions.close();
  provisions.hurry();
  expect(control.asked).toHaveLength(2);
});

test("other shared keys than those that were drawn are drawn within a second or so, and the same ones are not", async () => {
  const control = controlPlane();
  const { provisions, unused } = begin(control);
  await until(() => unused() === epochsInStockMin, "the first draw");
  // A control plane from before there were editions says none.
  for (const edition of ["first", ""]) provisions.heard(edition);
  Object.assign(control, { keysEdition: "second", keyId: 2 });
  provisions.heard("second");
  await until(() => provisions.stock().sealing[0]?.id === 2, "the new keys");
  expect(control.asked).toHaveLength(2);
});
