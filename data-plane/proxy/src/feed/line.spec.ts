// What a proxy applies hangs on this: nothing twice, nothing out of order, no half of a commit, nothing of another log.

import { create } from "@bufbuild/protobuf";
import { RecordSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import { Line, type Taken } from "./line.ts";

const log = { id: "one", incarnation: 1 };
const restored = { id: "one", incarnation: 2 };

/** The log's hash at a position; `fork` is another log that calls itself the same. */
function hashAt(position: bigint, fork = 0): Uint8Array {
  return Uint8Array.of(Number(position), fork);
}

/** "3/5" is position 3 of the commit that ends at 5. */
function records(...texts: string[]) {
  return of(0, ...texts);
}

function of(fork: number, ...texts: string[]) {
  return texts.map((text) => {
    const [at = "", end = at] = text.split("/");
    const position = BigInt(at);
    const chain = { previous: hashAt(position - 1n, fork), hash: hashAt(position, fork) };
    return create(RecordSchema, { position, commit: BigInt(end), ...chain });
  });
}

function lineAt(position: bigint): Line {
  const line = new Line();
  line.restart({ log, position, hash: hashAt(position) });
  return line;
}

const positions = (taken: Taken) =>
  taken.kind === "taken" ? taken.commits.map(({ position }) => Number(position)) : taken.kind;
const tick = (head: bigint, fork = 0) => ({ head, hash: hashAt(head, fork) });

test("what is known is dropped, what follows is handed out", () => {
  const line = lineAt(4n);
  expect(positions(line.take(log, records("2", "3", "4")))).toEqual([]);
  expect(positions(line.take(log, records("4", "5", "6")))).toEqual([5, 6]);
  expect(positions(line.take(log, records("5", "6", "7")))).toEqual([7]);
  expect(line.place()).toEqual({ log, position: 7n, hash: hashAt(7n) });
});

test("a commit is handed out with its last record, however it is cut and whatever is repeated within it", () => {
  const line = lineAt(0n);
  expect(positions(line.take(log, records("1/3")))).toEqual([]);
  expect(line.heard(log, tick(1n))).toBe("hole");
  expect(positions(line.take(log, records("1/3", "2/3")))).toEqual([]);
  expect(line.place()?.position).toBe(0n);
  expect(positions(line.take(log, records("3/3", "4")))).toEqual([1, 2, 3, 4]);
  expect(line.heard(log, tick(4n))).toBe("has-all");
});

test("beyond a hole nothing is taken, also inside a commit, and the missing part joins on", () => {
  const line = lineAt(0n);
  expect(positions(line.take(log, records("2")))).toBe("hole");
  expect(positions(line.take(log, records("1/3", "3/3")))).toBe("hole");
  expect(positions(line.take(log, records("2/3", "3/3")))).toEqual([1, 2, 3]);
});

test("another log's records are not taken, whatever their positions; a restart forgets what was open", () => {
  const line = lineAt(0n);
  line.take(log, records("1/2"));
  expect(positions(line.take(restored, records("2/2")))).toBe("other-log");
  line.restart({ log: restored, position: 7n, hash: hashAt(7n) });
  expect(positions(line.take(restored, records("8")))).toEqual([8]);
  expect(line.heard(log, tick(8n))).toBe("other-log");
  expect([line.isPast(log), line.isPast(restored)]).toEqual([true, false]);
  expect(positions(new Line().take(log, records("1")))).toBe("other-log");
});

test("what calls itself our log and has another past is not taken, and leaves nothing of a commit behind", () => {
  const line = lineAt(4n);
  expect(positions(line.take(log, of(1, "5")))).toBe("differs");
  expect(positions(line.take(log, of(1, "4")))).toBe("differs");
  expect(line.heard(log, tick(4n, 1))).toBe("differs");
  expect(positions(line.take(log, records("5/6")))).toEqual([]);
  expect(positions(line.take(log, of(1, "6")))).toBe("differs");
  expect(positions(line.take(log, records("5/6", "6")))).toEqual([5, 6]);
});

test("a snapshot of the past is refused, and one of a later incarnation is not, wherever it is", () => {
  const line = lineAt(4n);
  const at = (position: bigint, of = log) => line.problemOf({ log: of, position, hash: hashAt(position) });
  expect([at(4n), at(5n), at(1n, restored), at(1n, { id: "two", incarnation: 1 })]).toEqual(Array(4).fill(undefined));
  expect(at(3n)).toContain("4 is applied");
  line.restart({ log: restored, position: 1n, hash: hashAt(1n) });
  expect(at(9n)).toContain("2 is known");
});
