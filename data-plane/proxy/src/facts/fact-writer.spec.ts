// The writer is faster than the library because it knows less. If it printed one field otherwise, the ingest would count
// something that never happened, so it is held against the library's own reader for facts of every shape.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createFactWriter, factTextCharsMax, type FactInit } from "./fact-writer.ts";
import { decodeRecords } from "./spool-file.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", minLength: 30, maxLength: factTextCharsMax / 8 }),
  fc.constant("x".repeat(factTextCharsMax)),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat()).map(BigInt);
const init: fc.Arbitrary<FactInit> = fc.oneof(
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("toolCallCompleted" as const),
      value: fc.record(
        {
          ...{ keyId: text, teamId: text, serverId: text, server: text, tool: text },
          outcome: fc.constantFrom(ToolCallOutcome.ANSWERED, ToolCallOutcome.CLIENT_CLOSED),
          upstreamStatus: fc.nat(4_294_967_295),
          ...{ requestBytes: count, responseBytes: count, firstByteUs: count, totalUs: count },
        },
        { requiredKeys: [] },
      ),
    }),
  }),
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("callRefused" as const),
      value: fc.record(
        { keyId: text, teamId: text, code: text, door: text, server: text, tool: text },
        { requiredKeys: [] },
      ),
    }),
  }),
);

test("facts of every shape are the bytes that the library prints, record behind record", () => {
  const writer = createFactWriter();
  fc.assert(
    fc.property(fc.array(fc.record({ seq: count, timeMs: fc.maxSafeNat(), init }), { maxLength: 30 }), (facts) => {
      for (const { seq, timeMs, init: one } of facts) writer.add(seq, timeMs, one);
      expect(writer.count()).toBe(facts.length);
      const { facts: written } = decodeRecords(writer.take());
      const expected = facts.map(({ seq, timeMs, init: { requestId, kind } }) =>
        toBinary(FactSchema, create(FactSchema, { seq, timeMs: BigInt(timeMs), requestId, kind })),
      );
      expect(written.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(
        expected.map((bytes) => Buffer.from(bytes).toString("hex")),
      );
      expect(writer.count()).toBe(0);
    }),
  );
});

test("a turn of more facts than the buffer held is whole, and a huge one is not remembered", () => {
  const writer = createFactWriter();
  const tool = "t".repeat(factTextCharsMax);
  for (let seq = 1; seq <= 20_000; seq++)
    writer.add(BigInt(seq), 1, { requestId: "r", kind: { case: "callRefused", value: { tool } } });
  const facts = decodeRecords(writer.take()).facts.map((bytes) => fromBinary(FactSchema, bytes).seq);
  expect(facts).toEqual(Array.from({ length: 20_000 }, (_, i) => BigInt(i + 1)));
});

test("what no fact can be is refused before a byte of it stays", () => {
  const writer = createFactWriter();
  const kind = { case: "toolCallCompleted", value: { totalUs: -1n } } as const;
  expect(() => writer.add(1n, 1, { requestId: "r", kind })).toThrow("totalUs");
  writer.add(1n, 1, { requestId: "good", kind: { case: "callRefused", value: {} } });
  expect(decodeRecords(writer.take()).facts.map((bytes) => fromBinary(FactSchema, bytes).requestId)).toEqual(["good"]);
});
