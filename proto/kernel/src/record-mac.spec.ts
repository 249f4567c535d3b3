// What is signed of a record must be all that a proxy acts on: a part that is not covered could be changed in the topic by
// whoever may write there.

import { create } from "@bufbuild/protobuf";
import { RecordSchema, TickSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import type { Said } from "./kafka-record.ts";
import { macFrom, macText, signedBytes } from "./record-mac.ts";

const log = { id: "01234567-89ab-cdef-0123-456789abcdef", incarnation: 3 };
const chain = { previous: Uint8Array.of(1), hash: Uint8Array.of(2) };
const fields = { position: 7n, commit: 9n, type: "t", scopes: ["key/a", "key/b"], body: Uint8Array.of(0x7b), ...chain };

const record = (changed: object = {}): Said => ({
  kind: "record",
  log,
  record: create(RecordSchema, { ...fields, ...changed }),
});
const tick = (changed: object = {}): Said => {
  return { kind: "tick", log, tick: create(TickSchema, { head: 7n, timeMs: 9n, hash: Uint8Array.of(2), ...changed }) };
};
const text = (said: Said) => new TextDecoder().decode(signedBytes(said));

test("the form is fixed, because two versions of the software check each other's", () => {
  expect(text(record())).toBe(
    '["tollgate record 1","01234567-89ab-cdef-0123-456789abcdef",3,"7","9","t",["key/a","key/b"],"01","02",true]\n{',
  );
  expect(text(tick())).toBe('["tollgate tick 1","01234567-89ab-cdef-0123-456789abcdef",3,"7","9","02"]\n');
});

test("no two that differ in anything are signed alike", () => {
  const { body: _, ...bodiless } = fields;
  const all: Said[] = [
    record(),
    record({ position: 8n }),
    record({ commit: 8n }),
    record({ type: "u" }),
    record({ scopes: ["key/a,key/b"] }),
    record({ scopes: [] }),
    record({ previous: Uint8Array.of(2) }),
    record({ hash: Uint8Array.of(1) }),
    record({ body: new Uint8Array() }),
    { kind: "record", log, record: create(RecordSchema, bodiless) },
    { ...record(), log: { ...log, incarnation: 4 } },
    { ...record(), log: { ...log, id: "another" } },
    tick(),
    tick({ head: 8n }),
    tick({ timeMs: 8n }),
    tick({ hash: Uint8Array.of(1) }),
    { ...tick(), log: { ...log, incarnation: 4 } },
  ];
  expect(new Set(all.map(text)).size).toBe(all.length);
});

test("a code is read as it was written, and nothing else is one", () => {
  const mac = { keyId: 12, tag: new Uint8Array(16).fill(0xab) };
  expect(macFrom(macText(mac))).toEqual(mac);
  for (const wrong of ["", "12", "12:", `x:${"ab".repeat(16)}`, `12:${"ab".repeat(15)}`, `12:${"AB".repeat(16)}`])
    expect(macFrom(wrong)).toBeUndefined();
});
