// The writer is faster than the library because it knows less. If it printed one field otherwise, the ingest would count
// something that never happened, so it is held against the library's own reader for facts of every shape.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Era } from "@tollgate/schema/resources";
import { CallIntentSchema, FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstLink, linkAfter } from "@tollgate/kernel/fact-chain";
import { createFactWriter, type FactInit } from "./fact-writer.ts";
import { factTextCharsMax } from "./flat-printer.ts";
import { sha256 } from "./node-hashes.ts";
import { recordsIn } from "./spool-file.ts";
import { refusal, testKey } from "./spool.fixture.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", minLength: 30, maxLength: factTextCharsMax / 8 }),
  fc.constant("x".repeat(factTextCharsMax)),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat()).map(BigInt);
const era = fc.constantFrom(Era.UNSPECIFIED, Era.LEGACY, Era.MODERN);
const whose = { toolUseId: text, sessionId: text, clientName: text, clientVersion: text };
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
          ...{ method: text, clientEra: era, serverEra: era, ...whose },
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
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("callsRefused" as const),
      value: fc.record({ keyId: text, code: text, door: text, count, lastTimeMs: count }, { requiredKeys: [] }),
    }),
  }),
);
const intent = fc.record({
  requestId: fc.string({ minLength: 1, maxLength: 40 }),
  timeMs: count,
  ...{ keyId: text, teamId: text, serverId: text, server: text, tool: text, requestBytes: count },
  ...{ method: text, clientEra: era, ...whose },
});

function factsOf(records: Uint8Array): Uint8Array[] {
  return [...recordsIn(records)].flatMap((record) => (record.kind === "fact" ? [record.fact] : []));
}

test("facts of every shape are the bytes that the library prints, each with its link, record behind record", () => {
  const writer = createFactWriter(testKey);
  let link: Uint8Array = firstLink;
  fc.assert(
    fc.property(fc.array(fc.record({ seq: count, timeMs: fc.maxSafeNat(), init }), { maxLength: 30 }), (facts) => {
      for (const { seq, timeMs, init: one } of facts) writer.addFact(seq, timeMs, one);
      expect(writer.facts()).toBe(facts.length);
      const before = link;
      const bytes = Buffer.from(writer.take());
      const expected = facts.map(({ seq, timeMs, init: { requestId, kind } }) => {
        const fact = toBinary(FactSchema, create(FactSchema, { seq, timeMs: BigInt(timeMs), requestId, kind }));
        link = linkAfter(sha256, testKey, link, fact);
        return Buffer.concat([link, fact]).toString("hex");
      });
      const written = [...recordsIn(bytes)].map((record) =>
        record.kind === "fact" ? Buffer.concat([record.link, record.fact]).toString("hex") : record.kind,
      );
      expect(written).toEqual(expected);
      expect([...recordsIn(writer.opening([]))]).toMatchObject([{ kind: "begin", link: Buffer.from(before) }]);
      expect([writer.facts(), writer.isEmpty()]).toEqual([0, true]);
    }),
  );
});

test("intents are what the library reads, between the facts and in what a segment begins with", () => {
  const writer = createFactWriter(testKey);
  fc.assert(
    fc.property(fc.array(intent, { maxLength: 10 }), (intents) => {
      for (const one of intents) writer.addIntent(one);
      expect(writer.facts()).toBe(0);
      for (const bytes of [Buffer.from(writer.take()), writer.opening(intents).subarray(25)]) {
        const read = [...recordsIn(bytes)].flatMap((record) =>
          record.kind === "intent" ? [fromBinary(CallIntentSchema, record.intent)] : [],
        );
        expect(read).toEqual(intents.map((one) => create(CallIntentSchema, one)));
      }
    }),
  );
});

test("a turn of more facts than the buffer held is whole, and a huge one is not remembered", () => {
  const writer = createFactWriter(testKey);
  const tool = "t".repeat(factTextCharsMax);
  for (let seq = 1; seq <= 20_000; seq++)
    writer.addFact(BigInt(seq), 1, { requestId: "r", kind: { case: "callRefused", value: { tool } } });
  const facts = factsOf(writer.take()).map((bytes) => fromBinary(FactSchema, bytes).seq);
  expect(facts).toEqual(Array.from({ length: 20_000 }, (_, i) => BigInt(i + 1)));
});

test("what no fact can be is refused before a byte of it stays, and the chain goes on as if it had not been", () => {
  const writer = createFactWriter(testKey);
  const kind = { case: "toolCallCompleted", value: { totalUs: -1n } } as const;
  expect(() => writer.addFact(1n, 1, { requestId: "r", kind })).toThrow("totalUs");
  writer.addFact(1n, 1, refusal("good"));
  const other = createFactWriter(testKey);
  other.addFact(1n, 1, refusal("good"));
  expect(Buffer.from(writer.take())).toEqual(Buffer.from(other.take()));
});
