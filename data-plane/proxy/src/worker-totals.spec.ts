// What a proxy counted is what its workers counted, each of them once: who died meanwhile must not be missing, nor be there twice.

import { expect, test } from "vitest";
import type { WorkerStats } from "./ipc.ts";
import { emptyCounts } from "./pipeline/counters.ts";
import { createTotals, type Asked } from "./worker-totals.ts";

const statsOf = (lost: bigint, sessions: number): WorkerStats => ({
  counts: emptyCounts(),
  factsLost: lost,
  open: { sessions, streams: 0, parked: 0 },
});

test("each is asked, and what he answers counts, not what he said before", async () => {
  const totals = createTotals();
  const last = new Map([
    [1, statsOf(1n, 1)],
    [2, statsOf(2n, 2)],
  ]);
  const answer = (id: number) => (question: number) => {
    last.set(id, statsOf(10n, 10));
    totals.answered(id, question);
  };
  const all = (): Asked[] => [1, 2].map((id) => ({ id, ask: answer(id), last: last.get(id) }));
  expect(await totals.sum(all)).toMatchObject({ factsLost: 20n, open: { sessions: 20 } });
});

test("who ends while the others are asked counts once, with what he said last, and is not waited for", async () => {
  const totals = createTotals();
  let all: Asked[] = [];
  const ending: Asked = {
    id: 1,
    ask() {
      all = all.filter((one) => one !== ending);
      totals.ended(1, ending.last);
    },
    last: statsOf(3n, 3),
  };
  all = [ending, { id: 2, ask: (question) => totals.answered(2, question), last: statsOf(4n, 4) }];
  // What is open is open no more.
  for (let round = 0; round < 2; round++)
    expect(await totals.sum(() => all)).toMatchObject({ factsLost: 7n, open: { sessions: 4 } });
});

test("who has nobody to ask says what was counted, and who never answers is taken at what he said last", async () => {
  const totals = createTotals();
  totals.ended(1, statsOf(5n, 5));
  expect(await totals.sum(() => [])).toMatchObject({ factsLost: 5n, open: { sessions: 0 } });
  const silent: Asked = { id: 2, ask: () => undefined, last: statsOf(6n, 6) };
  const gone: Asked = { id: 3, ask: undefined, last: undefined };
  expect(await totals.sum(() => [silent, gone])).toMatchObject({ factsLost: 11n, open: { sessions: 6 } });
});
