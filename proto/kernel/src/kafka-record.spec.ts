// Both planes read what the relay writes through this one codec: what was written comes back, and what nobody of ours wrote
// is refused as a whole.

import { create } from "@bufbuild/protobuf";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { RecordSchema, TickSchema } from "@tollgate/schema/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromKafka, recordHeaders, tickHeaders, type KafkaHeaders } from "./kafka-record.ts";

const log = { id: "01234567-89ab-cdef-0123-456789abcdef", incarnation: 3 };
const positions = fc.bigInt({ min: 1n, max: 10n ** 18n });
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const [previous, hash] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const records = fc.record({
  previous: hashes,
  hash: hashes,
  first: positions,
  rest: fc.nat(500),
  scopes: fc.array(fc.constantFrom("key/0123456789abcdef", "team/t", "admin-token/x"), { maxLength: 3 }),
  body: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
});

/** As a client hands headers out: bytes. */
const asBytes = (headers: Record<string, string>): KafkaHeaders =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, utf8ToBytes(value)]));

describe("a record", () => {
  test("is read as it was written, from text and from bytes", () => {
    fc.assert(
      fc.property(records, ({ first, rest, scopes, body, ...chain }) => {
        const commit = first + BigInt(rest);
        const fields = { position: first, commit, type: "tollgate.v1.KeyIssued", scopes, ...chain };
        const record = create(RecordSchema, { ...fields, ...(body === undefined ? {} : { body }) });
        const headers = recordHeaders(log, record);
        for (const sent of [headers, asBytes(headers)])
          expect(fromKafka(sent, body ?? null)).toEqual({ kind: "record", log, mac: undefined, record });
      }),
    );
  });

  test("with an empty body is not one without a body", () => {
    const headers = recordHeaders(log, create(RecordSchema, { position: 1n, commit: 1n, type: "t", previous, hash }));
    const read = [new Uint8Array(), null].map((value) => fromKafka(headers, value));
    expect(read.map((one) => one?.kind === "record" && one.record.body)).toEqual([new Uint8Array(), undefined]);
  });
});

test("a tick is read as it was written", () => {
  const tick = create(TickSchema, { head: 42n, timeMs: 1_790_000_000_000n, hash });
  const headers = tickHeaders(log, tick);
  expect(headers).toEqual({
    log: "01234567-89ab-cdef-0123-456789abcdef:3",
    tick: "42:1790000000000",
    hash: "02".repeat(32),
  });
  expect(fromKafka(asBytes(headers), null)).toEqual({ kind: "tick", log, mac: undefined, tick });
});

describe("what no relay wrote is refused", () => {
  const good = recordHeaders(
    log,
    create(RecordSchema, { position: 7n, commit: 9n, type: "t", scopes: ["key/a"], previous, hash }),
  );

  test("but the headers that are changed below are not", () => {
    expect(fromKafka(good, null)?.kind).toBe("record");
  });

  test.each([
    ["no headers", {}],
    ["no log", { ...good, log: undefined }],
    ["another log's form", { ...good, log: "somewhere:1" }],
    ["no incarnation", { ...good, log: log.id }],
    ["position 0", { ...good, position: "0" }],
    ["a position in hexadecimal", { ...good, position: "0x7" }],
    ["a negative position", { ...good, position: "-7" }],
    ["a position beyond 64 bits", { ...good, position: "9".repeat(20), commit: "9".repeat(20) }],
    ["no commit", { ...good, commit: undefined }],
    ["a commit that ended before it", { ...good, commit: "6" }],
    ["no type", { ...good, type: "" }],
    ["a position that is no ASCII", { ...good, position: Uint8Array.of(0xc2, 0xb9) }],
    ["no hash", { ...good, hash: undefined }],
    ["a hash that is cut off", { ...good, hash: good["hash"]?.slice(2) }],
    ["no hash before it", { ...good, previous: undefined }],
    ["half a tick", { log: good["log"], tick: "42", hash: good["hash"] }],
    ["a tick without a hash", { log: good["log"], tick: "42:1" }],
  ])("%s", (_, headers) => {
    expect(fromKafka(headers, null)).toBeUndefined();
  });

  test("whatever its headers hold, and nothing is thrown", () => {
    const header = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 8 }), fc.constant(undefined));
    const headers = fc.record({ log: header, position: header, commit: header, type: header, tick: header });
    fc.assert(fc.property(headers, (sent) => fromKafka(sent, null) === undefined));
  });
});
