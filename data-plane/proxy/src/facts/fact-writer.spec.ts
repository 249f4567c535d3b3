// The writer is faster than the library because it knows less. If it printed one field otherwise, the ingest would count
// something that never happened, so it is held against the library's own reader for facts of every shape.
import { create, fromBinary, ScalarType, toBinary, type DescField } from "@bufbuild/protobuf";
import { Era } from "@tollgate/schema/resources";
import { CallIntentSchema, FactSchema, ModelCallCompletedSchema } from "@tollgate/schema/usage";
import { ModelCallOutcome, ToolCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstLink, linkAfter } from "@tollgate/kernel/fact-chain";
import { limits } from "@tollgate/kernel/limits";
import { createFactWriter, type FactInit } from "./fact-writer.ts";
import { factItemCharsMax, factListItemsMax, factTextCharsMax } from "./flat-printer.ts";
import { sha256 } from "./node-hashes.ts";
import { factBytesMax, recordsIn } from "./spool-file.ts";
import { refusal, testKey } from "./spool.fixture.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", minLength: 30, maxLength: factTextCharsMax / 8 }),
  fc.constant("x".repeat(factTextCharsMax)),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat()).map(BigInt);
const era = fc.constantFrom(Era.UNSPECIFIED, Era.LEGACY, Era.MODERN);
const whose = { toolUseId: text, sessionId: text, clientName: text, clientVersion: text };
const client = { sessionId: text, clientName: text, clientVersion: text };
const agent = { agentId: text, parentAgentId: text };
const asked = { door: text, operation: text, modelAsked: text, providerId: text, provider: text, model: text };
const list = fc.array(fc.string({ unit: "grapheme", maxLength: 30 }), { maxLength: 12 });
const account = {
  ...{ keyId: text, teamId: text, userId: text, customerId: text },
  labels: fc.array(fc.string({ unit: "grapheme", maxLength: 30 }), { maxLength: limits.labelsPerCallMax }),
};
const tokens = {
  ...{ inputTokens: count, cacheReadTokens: count, cacheWrite5mTokens: count, cacheWrite1hTokens: count },
  ...{ outputTokens: count, reasoningTokens: count, webSearches: count },
};
const headroom = { requestsLimit: count, requestsRemaining: count, tokensLimit: count, tokensRemaining: count };
const modelCall = {
  ...{ ...account, ...asked, modelServed: text, credential: text, ...client, ...agent },
  outcome: fc.constantFrom(ModelCallOutcome.ANSWERED, ModelCallOutcome.UNKNOWN),
  ...{ status: fc.nat(599), attempts: fc.nat(9), failedAttempts: list, streamed: fc.boolean() },
  ...{ requestBytes: count, responseBytes: count, firstByteUs: count, totalUs: count, ...tokens, ...headroom },
  basis: fc.constantFrom(UsageBasis.UNSPECIFIED, UsageBasis.EXACT, UsageBasis.UNMETERED),
  ...{ costNanoUsd: count, priceVersion: text, serviceTier: text, stopReason: text, toolUseIds: list },
  providerRequestId: text,
};
const init: fc.Arbitrary<FactInit> = fc.oneof(
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("modelCallCompleted" as const),
      value: fc.record(modelCall, { requiredKeys: [] }),
    }),
  }),
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("toolCallCompleted" as const),
      value: fc.record(
        {
          ...{ ...account, serverId: text, server: text, tool: text },
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
        { ...account, code: text, door: text, server: text, tool: text, model: text },
        { requiredKeys: [] },
      ),
    }),
  }),
  fc.record({
    requestId: text,
    kind: fc.record({
      case: fc.constant("callsRefused" as const),
      value: fc.record(
        { keyId: text, userId: text, customerId: text, code: text, door: text, count, lastTimeMs: count },
        { requiredKeys: [] },
      ),
    }),
  }),
);
const toolIntent = {
  requestId: fc.string({ minLength: 1, maxLength: 40 }),
  timeMs: count,
  ...{ ...account, serverId: text, server: text, tool: text, requestBytes: count },
  ...{ method: text, clientEra: era, ...whose },
};
const modelIntent = { ...asked, door: fc.constantFrom("anthropic", "openai"), ...agent, boundNanoUsd: count };
const intent = fc.oneof(fc.record(toolIntent), fc.record({ ...toolIntent, ...modelIntent, priceVersion: text }));

const maxCount = BigInt(Number.MAX_SAFE_INTEGER);

function maxOf({ fieldKind, scalar }: DescField): bigint | number | boolean {
  if (fieldKind === "enum") return 4;
  if (scalar === ScalarType.BOOL) return true;
  return scalar === ScalarType.UINT32 ? 4_294_967_295 : maxCount;
}

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

test("a fact of which everything is as long as it can be is one record, and none that is printed here can be longer", () => {
  const writer = createFactWriter(testKey);
  const value = Object.fromEntries(
    ModelCallCompletedSchema.fields.map((field) => {
      if (field.fieldKind === "list") {
        const items = Array.from({ length: factListItemsMax + 1 }, () => "x".repeat(factItemCharsMax + 1));
        return [field.localName, items];
      }
      return [field.localName, field.scalar === ScalarType.STRING ? "\u{ffff}".repeat(1_000) : maxOf(field)];
    }),
  );
  const requestId = "\u{ffff}".repeat(1_000);
  writer.addFact(maxCount, Number(maxCount), { requestId, kind: { case: "modelCallCompleted", value } });
  const [fact] = factsOf(writer.take());
  expect(fact?.length).toBeGreaterThan(16 * 1024);
  expect(fact?.length).toBeLessThan(factBytesMax);
  const read = fromBinary(FactSchema, fact ?? new Uint8Array());
  expect(read.kind.case).toBe("modelCallCompleted");
  expect(read.kind.case === "modelCallCompleted" && read.kind.value.toolUseIds).toHaveLength(factListItemsMax);
  expect(read.kind.case === "modelCallCompleted" && read.kind.value.labels).toHaveLength(limits.labelsPerCallMax);
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
