// Turns are what keeps slow readers from taking every connection to the database; one that is lost is lost until the restart.

import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

const never = new AbortController().signal;

function turnsFor(atOnceMax: number, waitingMax: number) {
  const turns = createTurns({ atOnceMax, waitingMax, full: () => new Error("full") });
  const begun: string[] = [];
  const take = async (name: string, signal = never) => {
    const end = await turns.take(signal);
    begun.push(name);
    return end;
  };
  return { begun, take };
}

test("no more have a turn than may, and the others get theirs in the order in which they asked", async () => {
  const { begun, take } = turnsFor(2, 3);
  const ends = [take("a"), take("b"), take("c"), take("d"), take("e")];
  await Promise.all(ends.slice(0, 2));
  expect(begun).toEqual(["a", "b"]);
  (await ends[1])?.();
  (await ends[2])?.();
  await ends[3];
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

test("a turn that is ended twice makes room once", async () => {
  const { begun, take } = turnsFor(1, 3);
  const first = await take("a");
  const [second] = [take("b"), take("c")];
  first();
  first();
  await second;
  expect(begun).toEqual(["a", "b"]);
});

test("who finds the queue full is told so; who hangs up leaves his place to others and gets no turn", async () => {
  const { begun, take } = turnsFor(1, 1);
  const first = await take("a");
  const hangUp = new AbortController();
  const waiting = take("b", hangUp.signal);
  await expect(take("c")).rejects.toThrow("full");
  hangUp.abort(new Error("hung up"));
  await expect(waiting).rejects.toThrow("hung up");
  const last = take("d");
  first();
  (await last)();
  await expect(take("e", hangUp.signal)).rejects.toThrow("hung up");
  (await take("f"))();
  expect(begun).toEqual(["a", "d", "f"]);
});
