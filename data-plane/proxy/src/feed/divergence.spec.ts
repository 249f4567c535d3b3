// A proxy whose state is not the log's mends itself once. One that took a snapshot at every report would, where the mistake
// is a lasting one, be the whole fleet that loads the control plane for ever.

import { expect, test } from "vitest";
import { createDivergence } from "./divergence.ts";

const log = { id: "log", incarnation: 1 };

function diverging(renew: () => Promise<void> = () => Promise.resolve()) {
  const seen = { renewals: 0, told: 0 };
  const divergence = createDivergence({
    renew: () => {
      seen.renewals++;
      return renew();
    },
    log: { error: () => void seen.told++, warn: () => undefined },
  });
  return { divergence, seen };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a kind that differs costs one snapshot; when it differs again it is reported, once, and nothing loops", async () => {
  const { divergence, seen } = diverging();
  divergence.found(["key"], log, 7n);
  divergence.found(["key"], log, 7n);
  await turn();
  expect(divergence.nacks()).toEqual([]);
  for (let n = 0; n < 3; n++) divergence.found(["key"], log, 8n);
  expect(divergence.nacks()).toMatchObject([{ scope: "key/*", position: 8n }]);
  expect(seen).toEqual({ renewals: 1, told: 2 });
});

test("another kind has its own snapshot, and a new incarnation of the log forgets", async () => {
  const { divergence, seen } = diverging();
  for (const kinds of [["key"], ["key"], ["team"], ["team"]]) {
    divergence.found(kinds, log, 7n);
    await turn();
  }
  expect(divergence.nacks().map(({ scope }) => scope)).toEqual(["key/*", "team/*"]);
  divergence.found([], { ...log, incarnation: 2 }, 1n);
  expect(divergence.nacks()).toEqual([]);
  divergence.found(["key"], { ...log, incarnation: 2 }, 1n);
  expect(seen.renewals).toBe(3);
});

test("a snapshot that could not be had is not one that did not help", async () => {
  const { divergence, seen } = diverging(() => Promise.reject(new Error("the control plane is away")));
  for (let n = 0; n < 3; n++) {
    divergence.found(["key"], log, 7n);
    await turn();
  }
  expect([seen.renewals, divergence.nacks().length]).toEqual([3, 0]);
});
