// The replica is what both planes fold: these are the promises that make two of them equal, and that keep what is not
// understood from deciding anything.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { KeySchema } from "@tollgate/schema/resources";
import { RecordSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventTypes, resourceTypes } from "./catalogue.ts";
import { commits, events, recordsOf } from "./records.fixture.ts";
import { apply, changeOf, digest, empty, fromSnapshot, type Change, type Replica } from "./replica.ts";

/** All that decides: where something was met first depends on where a replica began. */
function seen(replica: Replica) {
  const kinds = [...resourceTypes.keys()].map((kind) => ({
    kind,
    digest: digest(replica, kind),
    entries: [...(replica.kinds.get(kind)?.entries.values() ?? [])]
      .map(({ id, bytes }) => ({ id, bytes }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  }));
  return {
    position: replica.position,
    kinds,
    refused: [...replica.refused].map(([scope, { reason }]) => `${scope}: ${reason}`).sort(),
  };
}

function keyIn(replica: Replica, id: string) {
  return fromBinary(KeySchema, replica.kinds.get("key")?.entries.get(id)?.bytes ?? new Uint8Array());
}

/** What the control plane stores: the bytes of every resource, whether a proxy could enforce them or not. */
function stored(records: readonly LogRecord[]): Required<Change>[] {
  const rows = new Map<string, Required<Change>>();
  for (const record of records) {
    const change = changeOf(record);
    if (!change) continue;
    if (change.bytes === undefined) rows.delete(`${change.kind}/${change.id}`);
    else rows.set(`${change.kind}/${change.id}`, change);
  }
  return [...rows.values()];
}

const commitEnds = (records: readonly LogRecord[]) =>
  records.flatMap((record, index) => (record.commit === record.position ? [index + 1] : []));

describe("the fold", () => {
  test("gives the same in one batch as commit by commit", () => {
    fc.assert(
      fc.property(commits, (history) => {
        const records = recordsOf(history);
        let step = empty();
        let from = 0;
        for (const end of commitEnds(records)) {
          step = apply(step, records.slice(from, end));
          from = end;
        }
        expect(seen(step)).toEqual(seen(apply(empty(), records)));
      }),
    );
  });

  test("from a snapshot at any commit is the fold from the beginning", () => {
    fc.assert(
      fc.property(commits, fc.nat(), (history, pick) => {
        const records = recordsOf(history);
        const ends = [0, ...commitEnds(records)];
        const end = ends[pick % ends.length] ?? 0;
        const snapshot = fromSnapshot(BigInt(end), stored(records.slice(0, end)));
        expect(seen(apply(snapshot, records.slice(end)))).toEqual(seen(apply(empty(), records)));
      }),
    );
  });

  test("keeps its digest, once asked for, as if it were summed anew", () => {
    fc.assert(
      fc.property(commits, fc.nat(), (history, pick) => {
        const records = recordsOf(history);
        const ends = [0, ...commitEnds(records)];
        const end = ends[pick % ends.length] ?? 0;
        const asked = apply(empty(), records.slice(0, end));
        for (const kind of resourceTypes.keys()) digest(asked, kind);
        const folded = apply(asked, records.slice(end));
        const anew = fromSnapshot(
          folded.position,
          [...folded.kinds].flatMap(([kind, { entries }]) =>
            [...entries.values()].map(({ id, bytes }) => ({ kind, id, bytes })),
          ),
        );
        for (const kind of resourceTypes.keys()) expect(digest(folded, kind)).toEqual(digest(anew, kind));
      }),
    );
  });

  test("leaves the replica that it began with as it was", () => {
    const before = apply(empty(), recordsOf([[events.teamCreated("a")], [events.keyIssued("k")]]));
    const shown = seen(before);
    apply(before, recordsOf([[events.teamRetired("a"), events.keyRevoked("k")]], before.position));
    expect(seen(before)).toEqual(shown);
  });

  test("lets the last event of a resource win, and a removal take it away", () => {
    const history = [[events.keyIssued("k", { tools: ["a/b"] })], [events.keyChanged("k", { tools: ["c/d"] })]];
    const changed = apply(empty(), recordsOf(history));
    expect(keyIn(changed, "k")).toMatchObject({ tools: ["c/d"] });
    const removed = apply(changed, recordsOf([[events.keyRevoked("k")]], changed.position));
    expect(removed.kinds.get("key")?.entries.size).toBe(0);
    expect(digest(removed, "key")).toEqual(digest(empty(), "key"));
  });

  test("takes a position without a body as a step that changes nothing", () => {
    const next = apply(empty(), recordsOf([[events.adminTokenIssued("x")]]));
    expect(seen(next)).toEqual({ ...seen(empty()), position: 1n });
  });
});

describe("a digest", () => {
  const digestOf = (kind: string, ...written: ReturnType<typeof events.teamCreated>[]) =>
    digest(apply(empty(), recordsOf([written])), kind);

  test("tells one byte, one id and one kind apart, and does not depend on order", () => {
    expect(digestOf("team", events.teamCreated("a", "x"))).not.toEqual(digestOf("team", events.teamCreated("a", "y")));
    expect(digestOf("team", events.teamCreated("a"))).not.toEqual(digestOf("team", events.teamCreated("b")));
    const ab = digestOf("team", events.teamCreated("a"), events.teamCreated("b"));
    expect(digestOf("team", events.teamCreated("b"), events.teamCreated("a"))).toEqual(ab);
    expect(digestOf("key", events.teamCreated("a"))).toEqual(new Uint8Array(16));
  });

  test("covers the bytes as they came, with fields that this software does not know", () => {
    const known = toBinary(KeySchema, create(KeySchema, { id: "k" }));
    const unknownField = Uint8Array.of(...known, 0xa0, 0x06, 0x01);
    const of = (bytes: Uint8Array) => digest(fromSnapshot(1n, [{ kind: "key", id: "k", bytes }]), "key");
    expect(of(unknownField)).not.toEqual(of(known));
  });
});

describe("what does not follow is a bug, not a change", () => {
  const records = recordsOf([[events.teamCreated("a")], [events.teamCreated("b"), events.teamCreated("c")]]);

  test.each([
    ["a hole at the beginning", records.slice(1), "record 2 does not follow 0"],
    ["a hole within", [records[0], records[2]].flatMap((record) => record ?? []), "record 3 does not follow 1"],
    ["a repeat", [...records.slice(0, 1), ...records], "record 1 does not follow 1"],
    ["half a commit", records.slice(0, 2), "position 2 does not end a commit"],
  ])("%s throws", (_, batch, message) => {
    expect(() => apply(empty(), batch)).toThrow(message);
  });
});

describe("what is not understood", () => {
  const base = apply(
    empty(),
    recordsOf([[events.teamCreated("t"), events.keyIssued("k", { teamId: "t" }), events.keyIssued("other")]]),
  );
  const next = (...written: Parameters<typeof recordsOf>[0][number][number][]) =>
    recordsOf([written], base.position).at(0) ?? create(RecordSchema);

  test("in an event of an unknown type refuses the scopes that its envelope names, and nothing else", () => {
    const record = { ...next(events.keyChanged("k")), type: "tollgate.v1.KeyBlessed", scopes: ["key/k"] };
    const after = apply(base, [record]);
    expect([...after.refused]).toEqual([
      ["key/k", { position: after.position, reason: "the event type tollgate.v1.KeyBlessed is not known here" }],
    ]);
    expect({ ...seen(after), refused: [] }).toEqual({ ...seen(base), position: after.position });
  });

  test("in an unknown type is not settled by a later event of a known one", () => {
    const record = { ...next(events.keyChanged("k")), type: "tollgate.v1.KeyBlessed", scopes: ["key/k"] };
    const after = apply(base, [record]);
    const later = apply(after, recordsOf([[events.keyChanged("k")], [events.keyRevoked("k")]], after.position));
    expect(later.refused.has("key/k")).toBe(true);
  });

  test.each([
    ["no bytes at all", Uint8Array.of()],
    ["another field first", Uint8Array.of(0x12, 0x00)],
    ["a resource that is cut off", Uint8Array.of(0x0a, 0x05, 0x0a)],
    ["something after the resource", Uint8Array.of(0x0a, 0x03, 0x0a, 0x01, 0x6b, 0x10, 0x01)],
    ["a resource without an id", Uint8Array.of(0x0a, 0x00)],
    ["bytes that are no message", Uint8Array.of(0x0a, 0x02, 0xff, 0xff)],
  ])("in a body of %s refuses its scopes and never throws", (_, body) => {
    const after = apply(base, [{ ...next(events.keyChanged("k")), body, scopes: ["key/k"] }]);
    expect([...after.refused.keys()]).toEqual(["key/k"]);
    expect(after.kinds).toEqual(base.kinds);
  });

  test("whatever bytes a body has, nothing is thrown", () => {
    const types = fc.constantFrom(...eventTypes.keys());
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 40 }), (type, body) => {
        expect(apply(base, [{ ...next(events.keyChanged("k")), type, body }]).position).toBe(base.position + 1n);
      }),
    );
  });

  // One key that needs a newer proxy must not close the gate to its whole team.
  test("in a resource that needs an unknown feature refuses that resource alone, and keeps no older one of it", () => {
    const after = apply(base, [next(events.keyChanged("k", { requires: ["budgets"] }))]);
    expect([...after.refused]).toEqual([
      ["key/k", { position: after.position, reason: "needs the features budgets, which are not known here" }],
    ]);
    expect(after.kinds.get("key")?.entries.get("k")).toBeUndefined();
    expect(after.kinds.get("key")?.entries.get("other")).toBeDefined();
  });

  test("in a resource is settled by its next version", () => {
    const needy = apply(base, [next(events.keyChanged("k", { requires: ["budgets"] }))]);
    const plain = apply(needy, recordsOf([[events.keyChanged("k", { tools: ["a/b"] })]], needy.position));
    expect(plain.refused.size).toBe(0);
    expect(keyIn(plain, "k")).toMatchObject({ tools: ["a/b"] });
  });

  test("in a snapshot refuses the resource and serves the rest", () => {
    const good = { kind: "key", id: "good", bytes: toBinary(KeySchema, create(KeySchema, { id: "good" })) };
    const replica = fromSnapshot(9n, [
      { kind: "key", id: "torn", bytes: Uint8Array.of(0xff) },
      { kind: "unicorn", id: "u", bytes: Uint8Array.of() },
      good,
    ]);
    expect([...replica.refused.keys()]).toEqual(["key/torn", "unicorn/u"]);
    expect(replica.kinds.get("key")?.entries.get("good")).toBeDefined();
  });
});
