// Every parser of bytes that somebody else may have written, against bytes that are almost right: good ones with a few changes,
// which get further than noise does. Each test says what would break. A parser may refuse; it may not throw, and it may not
// read what nobody wrote. Sealed handles and frames have theirs beside their code, with the keys that they need.

import { create } from "@bufbuild/protobuf";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { parseConfiguration } from "@tollgate/kernel/configuration/configuration";
import { formatKey, keyKinds, parseKey, secretBytes } from "@tollgate/kernel/key-format";
import { fromKafka, recordHeaders, tickHeaders, type KafkaHeaders } from "@tollgate/kernel/kafka-record";
import { framesOf, keptIn, placeOf, type Kept } from "@tollgate/proxy/cache/contents";
import { restore } from "@tollgate/proxy/cache/restore";
import { headerBytes, recordKinds, recordsIn, sealRecord } from "@tollgate/proxy/facts/spool-file";
import { readEnvelope } from "@tollgate/proxy/mcp/wire/envelope";
import { createSealer } from "@tollgate/proxy/sealing/sealer";
import { createSealingKeys } from "@tollgate/proxy/sealing/sealing-keys";
import { RecordSchema, TickSchema } from "@tollgate/schema/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seedFromEnv } from "../support/random.ts";

const seed = seedFromEnv();
const many = { seed, numRuns: 3_000 };
const some = { seed, numRuns: 500 };

type Change = { at: number; removed: number; added: Uint8Array };

const changes = fc.array(fc.record({ at: fc.nat(), removed: fc.nat(4), added: fc.uint8Array({ maxLength: 4 }) }), {
  minLength: 1,
  maxLength: 4,
});

function changed(bytes: Uint8Array, edits: readonly Change[]): Buffer {
  let now = Buffer.from(bytes);
  for (const { at, removed, added } of edits) {
    const place = at % (now.length + 1);
    now = Buffer.concat([now.subarray(0, place), added, now.subarray(place + removed)]);
  }
  return now;
}

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("the key format", () => {
  const keys = fc
    .tuple(fc.constantFrom(...keyKinds), bytesOf(idBytes).map(idFromBytes), bytesOf(secretBytes))
    .map(([kind, id, secret]) => formatKey(kind, id, secret));

  // A text that is taken for a key is hashed, looked up, logged by its id and shown to admins by its kind.
  test("takes no text but a whole key, whatever was changed in one", () => {
    fc.assert(
      fc.property(keys, changes, (key, edits) => {
        const text = changed(Buffer.from(key), edits).toString("utf8");
        const read = parseKey(text);
        if (read !== undefined) expect([read.text, text]).toEqual([key, key]);
      }),
      many,
    );
  });

  test("is not taken in by letters that look or fold alike", () => {
    fc.assert(
      fc.property(
        keys,
        fc.nat(),
        fc.constantFrom("\u0131", "\u212a", "\uff41", "\u0000", "\u200b", "\ud800"),
        (key, at, odd) => {
          const place = at % key.length;
          expect(parseKey(key.slice(0, place) + odd + key.slice(place + 1))).toBeUndefined();
          expect(parseKey(key.slice(0, place) + odd + key.slice(place))).toBeUndefined();
        },
      ),
      some,
    );
  });
});

describe("the headers of Kafka's records", () => {
  const log = { id: "01234567-89ab-cdef-0123-456789abcdef", incarnation: 3 };
  const record = create(RecordSchema, {
    position: 7n,
    commit: 9n,
    type: "tollgate.v1.KeyIssued",
    scopes: ["key/a"],
    previous: Buffer.alloc(32, 1),
    hash: Buffer.alloc(32, 2),
  });
  const good = fc.constantFrom<Record<string, string>>(
    recordHeaders(log, record),
    tickHeaders(log, create(TickSchema, { head: 9n, timeMs: 1_800_000_000_000n, hash: Buffer.alloc(32, 3) })),
  );
  const values = fc.option(fc.uint8Array({ maxLength: 40 }));

  // What is read from them moves a proxy's place on the log: a position that nobody wrote is a hole, or a skipped revocation.
  test("are read as a record or tick that could have been written, or not at all, whatever was changed in them", () => {
    fc.assert(
      fc.property(good, fc.nat(), changes, values, (headers, which, edits, value) => {
        const names = Object.keys(headers);
        const name = names[which % names.length] ?? "";
        const sent: KafkaHeaders = { ...headers, [name]: changed(Buffer.from(headers[name] ?? ""), edits) };
        const read = fromKafka(sent, value);
        if (read === undefined) return;
        expect(read.log.id).toHaveLength(36);
        if (read.kind === "tick") return;
        const { position, commit, body } = read.record;
        expect(position > 0n && commit >= position).toBe(true);
        expect(body).toEqual(value ?? undefined);
        // Written again and read again it is the same: there are not two readings of one record.
        expect(fromKafka(recordHeaders(read.log, read.record), value)).toEqual({ ...read, mac: undefined });
      }),
      many,
    );
  });
});

describe("the spool's segments", () => {
  const facts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 6 });

  function segmentOf(list: readonly Uint8Array[]): Buffer {
    return Buffer.concat(
      list.map((fact) => {
        const buffer = Buffer.concat([Buffer.alloc(headerBytes), fact]);
        sealRecord(buffer, 0, buffer.length, recordKinds.intent);
        return buffer;
      }),
    );
  }

  // Facts are numbered by their place: one that is skipped or made up renumbers all that follow, and the ingest stores them.
  test("give the facts that were written, in order from the first, up to what was changed", () => {
    fc.assert(
      fc.property(facts, changes, (list, edits) => {
        const whole = segmentOf(list);
        const segment = changed(whole, edits);
        const records = [...recordsIn(segment)];
        const bytes = records.at(-1)?.end ?? 0;
        const read = records.flatMap((record) => (record.kind === "intent" ? [record.intent] : []));
        expect(bytes).toBeLessThanOrEqual(segment.length);
        if (read.length === records.length) expect(segmentOf(read).equals(segment.subarray(0, bytes))).toBe(true);
        const firstChange = whole.findIndex((byte, index) => segment[index] !== byte);
        const untouched = firstChange < 0 ? Math.min(whole.length, segment.length) : firstChange;
        let end = 0;
        for (const [index, fact] of list.entries()) {
          end += headerBytes + fact.length;
          if (end <= untouched) expect(Buffer.from(read[index] ?? []).equals(fact)).toBe(true);
        }
      }),
      many,
    );
  });

  test("of arbitrary bytes give nothing that does not carry its own check", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        let from = 0;
        for (const record of recordsIn(bytes)) {
          const content = bytes.subarray(from + headerBytes, record.end);
          const sealed = Buffer.concat([Buffer.alloc(headerBytes), content]);
          sealRecord(sealed, 0, sealed.length, recordKinds[record.kind]);
          expect(sealed.equals(Buffer.from(bytes).subarray(from, record.end))).toBe(true);
          from = record.end;
        }
      }),
      many,
    );
  });
});

describe("the cache's contents, once its frames have opened", () => {
  const stock = { epochs: [], sealing: [], records: [] };
  const kept: Kept = {
    proxyId: "p",
    messages: [
      { kind: "snapshot", chunks: [new Uint8Array()] },
      { kind: "tick", head: 1n, timeMs: 5 },
    ],
    secrets: [],
    stock,
  };
  const frames = fc.array(
    fc.record({ kind: fc.integer({ min: 1, max: 9 }), bytes: fc.uint8Array({ maxLength: 40 }) }),
    { maxLength: 6 },
  );

  // The key may be ours and the writer another version of the software: what cannot be read must not be a crash at each start.
  test("are whole or nothing, and folding them throws nothing", () => {
    fc.assert(
      fc.property(frames, fc.nat(), (odd, at) => {
        const all = [...framesOf(kept)];
        const read = keptIn([...all.slice(0, at % (all.length + 1)), ...odd, ...all.slice(at % (all.length + 1))]);
        if (read === undefined) return;
        expect(read.messages.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["snapshot", "tick"]));
        const { replica, state } = restore(read.messages, () => undefined);
        expect(replica.view() === undefined).toBe(state.messages().length === 0);
        placeOf(state.messages());
      }),
      many,
    );
  });
});

describe("sealed handles", () => {
  const keys = createSealingKeys();
  keys.replace([{ id: 1, key: Buffer.alloc(32, 7), useFromMs: 0, acceptUntilMs: undefined }]);
  const sealer = createSealer({ keys, nowMs: () => 1_000, onRefused: () => undefined });
  const binding = { purpose: "session", principal: "k" } as const;

  // A handle that opens is believed: its session, its server, its owner.
  test("open to what was sealed or not at all, whatever was changed in the text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), changes, (payload, edits) => {
        const sealed = sealer.seal(binding, payload, 5_000);
        const text = sealed.outcome === "sealed" ? sealed.text : "";
        const found = changed(Buffer.from(text), edits).toString("latin1");
        expect(sealer.open(binding, found).outcome).toBe(found === text ? "opened" : "refused");
      }),
      many,
    );
  });
});

describe("a client's envelope", () => {
  const message = Buffer.from(
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"a__b","arguments":{"x":[1,{"y":"\\u00e9"}]}}}',
  );

  // Policy is decided on what is read here, and what is relayed are the bytes: another reading is another call.
  test("is read or refused with a code, and what is read lies within the bytes", () => {
    fc.assert(
      fc.property(changes, (edits) => {
        const bytes = changed(message, edits);
        const read = readEnvelope(bytes);
        if (read.kind !== "request") return;
        for (const span of Object.values(read.at))
          expect(span === undefined || (span.start < span.end && span.end <= bytes.length)).toBe(true);
      }),
      many,
    );
  });
});

describe("a tollgate.yaml", () => {
  const file = Buffer.from(
    'version: 1\nteams:\n  - name: engineering\nkeys:\n  - { name: alice, team: engineering, tools: ["a/*"] }\nservers:\n  - &s { name: a, transport: http, url: "http://127.0.0.1:1/mcp" }\n',
  );

  // It comes over the API, too: a text that throws is a 500 and a stack in the log, one that hangs is an outage.
  test("is read, or refused with issues that have a place, whatever was changed in it", () => {
    fc.assert(
      fc.property(changes, (edits) => {
        const text = changed(file, edits).toString("utf8");
        const parsed = parseConfiguration(text, { fileName: "f", resolve: () => undefined });
        expect(typeof parsed).toBe("object");
      }),
      some,
    );
  });
});
