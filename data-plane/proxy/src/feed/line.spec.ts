// What a proxy applies hangs on this: nothing twice, nothing out of order, no half of a commit, nothing of another log.

import { create } from "@bufbuild/protobuf";
import { RecordSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import { Line, type Taken } from "./line.ts";

const log = { id: "one", incarnation: 1 };

/** "3/5" is position 3 of the commit that ends at 5. */
function records(...texts: string[]) {
  return texts.map((text) => {
    const [position = "", commit = position] = text.split("/");
    return create(RecordSchema, { position: BigInt(position), commit: BigInt(commit) });
  });
}

function lineAt(position: bigint): Line {
  const line = new Line();
  line.restart({ log, position });
  return line;
}

const positions = (taken: Taken) =>
  taken.kind === "taken" ? taken.commits.map(({ position }) => Number(position)) : taken.kind;

test("what is known is dropped, what follows is handed out", () => {
  const line = lineAt(4n);
  expect(positions(line.take(log, records("2", "3", "4")))).toEqual([]);
  expect(positions(line.take(log, records("4", "5", "6")))).toEqual([5, 6]);
  expect(positions(line.take(log, records("5", "6", "7")))).toEqual([7]);
  expect(line.place()).toEqual({ log, position: 7n });
});

test("a commit is handed out with its last record, however it is cut and whatever is repeated within it", () => {
  const line = lineAt(0n);
  expect(positions(line.take(log, records("1/3")))).toEqual([]);
  expect(line.hasAll(log, 1n)).toBe(false);
  expect(positions(line.take(log, records("1/3", "2/3")))).toEqual([]);
  expect(line.place()?.position).toBe(0n);
  expect(positions(line.take(log, records("3/3", "4")))).toEqual([1, 2, 3, 4]);
  expect(line.hasAll(log, 4n)).toBe(true);
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
  const restored = { id: "one", incarnation: 2 };
  expect(positions(line.take(restored, records("2/2")))).toBe("other-log");
  line.restart({ log: restored, position: 7n });
  expect(positions(line.take(restored, records("8")))).toEqual([8]);
  expect(line.follows(log)).toBe(false);
  expect(positions(new Line().take(log, records("1")))).toBe("other-log");
});
