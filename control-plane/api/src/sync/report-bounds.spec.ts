// Reports at the door: what PostgreSQL could not hold, or what would fill it, is refused as the proxy's mistake. As a failing
// statement it would be logged as a bug of ours, each second, by a proxy that somebody stole.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ReportRequestSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import { boundedReport } from "./report-bounds.ts";

type Said = MessageInitShape<typeof ReportRequestSchema>;

const bounded = (said: Said) => boundedReport(create(ReportRequestSchema, said));
const many = <Of>(count: number, one: Of): Of[] => Array.from({ length: count }, () => one);
const uint64Max = 2n ** 64n - 1n;

test("what an honest proxy says at its worst is taken as it is", () => {
  const epochs = Array.from({ length: 10_000 }, (_, at) => ({ epoch: BigInt(at + 1), seq: 7n }));
  const said = create(ReportRequestSchema, {
    ...{ environment: "production", region: "eu", software: "0.1.0", source: "kafka", applied: 9n, workers: 64 },
    ...{ log: { id: "l", incarnation: 1 }, hash: new Uint8Array(32), nackCount: 5_000n, spooled: epochs },
    nacks: many(100, { scope: "key/k", position: 1n, reason: "r".repeat(5_000) }),
    counts: epochs.slice(0, 1_000),
  });
  expect(boundedReport(said)).toEqual(said);
});

test.each<[string, Said]>([
  ["more epochs", { spooled: many(10_001, { epoch: 1n }) }],
  ["more counts", { counts: many(10_001, { epoch: 1n }) }],
  ["more nacks", { nacks: many(1_001, {}) }],
  ["more digests", { digests: many(101, {}) }],
  ["more event types", { knows: { eventTypes: many(1_001, "a") } }],
  ["more features", { knows: { features: many(1_001, "a") } }],
  ["a long text", { environment: "e".repeat(257) }],
  ["a long name", { knows: { features: ["f".repeat(257)] } }],
  ["a NUL in a text", { region: "\0" }],
  ["a NUL in a log's id", { log: { id: "\0" } }],
  ["a NUL in a reason", { nacks: [{ scope: "key/k", reason: "\0" }] }],
  ["a NUL in a kind", { digests: [{ kind: "\0" }] }],
  ["a long digest", { digests: [{ digest: new Uint8Array(65) }] }],
  ["a long link", { spooled: [{ link: new Uint8Array(65) }] }],
  ["a long hash", { hash: new Uint8Array(65) }],
  ["a position that is none", { applied: uint64Max }],
  ["an age that is none", { ageMs: uint64Max }],
  ["a count that is none", { nackCount: uint64Max }],
  ["an epoch that is none", { spooled: [{ epoch: uint64Max }] }],
  ["an incarnation that is none", { log: { incarnation: 2 ** 32 - 1 } }],
  ["workers beyond number", { workers: 2 ** 32 - 1 }],
])("a report with %s is refused, with a sentence that names it", (_, said) => {
  expect(() => bounded(said)).toThrow(expect.objectContaining({ code: "request.invalid" }));
});

test("of an epoch that is named twice the last stands", () => {
  const { spooled, counts } = bounded({
    spooled: [{ epoch: 1n, seq: 1n }, { epoch: 2n }, { epoch: 1n, seq: 3n }],
    counts: [
      { epoch: 1n, calls: 1n },
      { epoch: 1n, calls: 2n },
    ],
  });
  expect(spooled.map(({ epoch, seq }) => [epoch, seq])).toEqual([
    [1n, 3n],
    [2n, 0n],
  ]);
  expect(counts.map(({ calls }) => calls)).toEqual([2n]);
});
