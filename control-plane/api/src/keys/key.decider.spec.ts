// Decisions about keys: what is issued is whole, a rotation leaves at most two secrets, a revoked key is final.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { KeyChangedSchema, KeyIssuedSchema, KeyRevokedSchema, KeyRotatedSchema } from "@tollgate/schema/events";
import { KeyPurpose } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { keyDecider, type IssueKey } from "./key.decider.ts";

const nowMs = 1_800_000_000_000;
const [first, second, third] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

const command: IssueKey = {
  kind: "issue",
  id: "k1",
  name: "alice",
  teamId: "t1",
  purpose: KeyPurpose.AGENT,
  sha256: first,
  tools: ["files/*"],
  expiresAtMs: undefined,
  timeMs: nowMs,
};
const key = {
  ...{ id: "k1", name: "alice", teamId: "t1", purpose: KeyPurpose.AGENT, tools: ["files/*"] },
  secrets: [{ sha256: first }],
  createdAtMs: BigInt(nowMs),
};
const issued = create(KeyIssuedSchema, { key });
const revoked = create(KeyRevokedSchema, { key: { ...key, revokedAtMs: BigInt(nowMs) } });
const keys = given(keyDecider);

test("a key takes its name, needs its team, and carries all of itself", () => {
  keys()
    .when(command)
    .then([issued], { reserve: "alice", refer: ["team/t1"] });
  keys()
    .when({ ...command, expiresAtMs: nowMs + 1 })
    .then([create(KeyIssuedSchema, { key: { ...key, expiresAtMs: BigInt(nowMs + 1) } })], {
      reserve: "alice",
      refer: ["team/t1"],
    });
});

test.each([
  ["a name that is none", { name: "Alice" }, "name"],
  ["a pattern without a slash", { tools: ["ok/*", "files"] }, "tools[1]"],
  ["a pattern of no model", { models: ["fast", "openai/"] }, "models[1]"],
  ["more models than a key may have", { models: Array(limits.modelPatternsPerKeyMax + 1).fill("a/b") }, "models"],
  ["more patterns than a key may have", { tools: Array(limits.toolPatternsPerKeyMax + 1).fill("a/b") }, "tools"],
  ["an expiry that is now", { expiresAtMs: nowMs }, "expiresAt"],
])("refused: %s", (_, part, field) => {
  keys()
    .when({ ...command, ...part })
    .refused({ kind: "invalid-input", field });
});

test("an id is used once, also after the key was revoked", () => {
  keys(issued).when(command).refused({ kind: "already-exists" });
  keys(issued, revoked).when(command).refused({ kind: "already-revoked" });
});

test("a change to what already is writes nothing: applying a file twice is quiet", () => {
  keys(issued)
    .when({ kind: "change", id: "k1", tools: ["files/*"], timeMs: nowMs })
    .then([]);
  keys(issued).when({ kind: "change", id: "k1", expiresAtMs: "never", timeMs: nowMs }).then([]);
});

test("what a change does not name stays", () => {
  const expiring = keys(issued)
    .when({ kind: "change", id: "k1", expiresAtMs: nowMs + 5, timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, expiresAtMs: BigInt(nowMs + 5) } })], { refer: ["team/t1"] });
  expect(expiring).toMatchObject({ tools: ["files/*"], teamId: "t1" });
  const changed = create(KeyChangedSchema, { key: { ...key, expiresAtMs: BigInt(nowMs + 5) } });
  keys(issued, changed)
    .when({ kind: "change", id: "k1", tools: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, tools: [], expiresAtMs: BigInt(nowMs + 5) } })], {
      refer: ["team/t1"],
    });
  keys(issued, changed)
    .when({ kind: "change", id: "k1", expiresAtMs: "never", timeMs: nowMs })
    .then([create(KeyChangedSchema, { key })], { refer: ["team/t1"] });
});

test("a key holds the groups that it is granted, and lets go of those that it is not any more", () => {
  const grouped = create(KeyIssuedSchema, { key: { ...key, toolGroupIds: ["g1", "g2"] } });
  keys()
    .when({ ...command, toolGroupIds: ["g1", "g2"] })
    .then([grouped], { reserve: "alice", refer: ["team/t1", "tool-group/g1", "tool-group/g2"] });
  keys(grouped)
    .when({ kind: "change", id: "k1", toolGroupIds: ["g2"], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, toolGroupIds: ["g2"] } })], {
      refer: ["team/t1", "tool-group/g2"],
    });
  keys(grouped)
    .when({ kind: "change", id: "k1", tools: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, tools: [], toolGroupIds: ["g1", "g2"] } })], {
      refer: ["team/t1", "tool-group/g1", "tool-group/g2"],
    });
});

test("models are granted like tools, refer to nothing, and stay where a change does not name them", () => {
  const models = ["anthropic/claude-*", "fast"];
  const granted = create(KeyIssuedSchema, { key: { ...key, models } });
  keys()
    .when({ ...command, models })
    .then([granted], { reserve: "alice", refer: ["team/t1"] });
  keys(granted).when({ kind: "change", id: "k1", models, timeMs: nowMs }).then([]);
  keys(granted)
    .when({ kind: "change", id: "k1", tools: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, models, tools: [] } })], { refer: ["team/t1"] });
  keys(granted)
    .when({ kind: "change", id: "k1", models: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key })], { refer: ["team/t1"] });
});

const customers = new Map(Object.entries({ "team/t1": "c1", "team/t2": "c2", "user/u1": "c1", "user/u9": "" }));
const owned = create(KeyIssuedSchema, { key: { ...key, userId: "u1", requires: ["key-user"] } });

test("a key may be a user's: it holds the user, and needs proxies that know what a user bounds", () => {
  keys()
    .when({ ...command, userId: "u1", customers })
    .then([owned], { reserve: "alice", refer: ["team/t1", "user/u1"] });
  keys(owned)
    .when({ kind: "change", id: "k1", userId: "u9", customers, timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, userId: "u9", requires: ["key-user"] } })], {
      refer: ["team/t1", "user/u9"],
    });
  keys(owned)
    .when({ kind: "change", id: "k1", userId: "", timeMs: nowMs })
    .then([create(KeyChangedSchema, { key })], { refer: ["team/t1"] });
});

test("a user of one customer has no key in a team of another, neither from the start nor by a change of either", () => {
  const refusal = { kind: "invalid-input", field: "userId" } as const;
  keys()
    .when({ ...command, teamId: "t2", userId: "u1", customers })
    .refused(refusal);
  keys(owned).when({ kind: "change", id: "k1", teamId: "t2", customers, timeMs: nowMs }).refused(refusal);
  const inOther = create(KeyIssuedSchema, { key: { ...key, teamId: "t2" } });
  keys(inOther).when({ kind: "change", id: "k1", userId: "u1", customers, timeMs: nowMs }).refused(refusal);
});

test("labels are permitted by name and patterns, stay where a change does not name them, and refer to nothing", () => {
  const labels = [{ name: "project", values: ["apollo", "gemini-*"] }];
  const labelled = create(KeyIssuedSchema, { key: { ...key, labels } });
  keys()
    .when({ ...command, labels })
    .then([labelled], { reserve: "alice", refer: ["team/t1"] });
  keys(labelled).when({ kind: "change", id: "k1", labels, timeMs: nowMs }).then([]);
  keys(labelled)
    .when({ kind: "change", id: "k1", tools: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key: { ...key, labels, tools: [] } })], { refer: ["team/t1"] });
  keys(labelled)
    .when({ kind: "change", id: "k1", labels: [], timeMs: nowMs })
    .then([create(KeyChangedSchema, { key })], { refer: ["team/t1"] });
});

test.each([
  ["a name that is none", [{ name: "Project", values: ["a"] }], "labels[0].name"],
  ["a name twice", ["a", "b"].map((value) => ({ name: "project", values: [value] })), "labels"],
  ["a label without values", [{ name: "project", values: [] }], "labels[0].values"],
  ["a value with a comma", [{ name: "project", values: ["a", "b,c"] }], "labels[0].values[1]"],
  [
    "a value that is too long",
    [{ name: "project", values: ["x".repeat(limits.labelValueCharsMax + 1)] }],
    "labels[0].values[0]",
  ],
  [
    "more names than a key may have",
    Array.from({ length: 17 }, (_, n) => ({ name: `n${n}`, values: ["a"] })),
    "labels",
  ],
])("refused in labels: %s", (_, labels, field) => {
  keys()
    .when({ ...command, labels })
    .refused({ kind: "invalid-input", field });
});

test("a rotated secret lives for the overlap; the one before it ends at once", () => {
  const secrets = [{ sha256: second }, { sha256: first, validUntilMs: BigInt(nowMs + 60_000) }];
  const rotated = create(KeyRotatedSchema, { key: { ...key, secrets } });
  keys(issued).when({ kind: "rotate", id: "k1", sha256: second, overlapSeconds: 60, timeMs: nowMs }).then([rotated]);
  const again = [{ sha256: third }, { sha256: second, validUntilMs: BigInt(nowMs + 1_000) }];
  keys(issued, rotated)
    .when({ kind: "rotate", id: "k1", sha256: third, overlapSeconds: 1, timeMs: nowMs })
    .then([create(KeyRotatedSchema, { key: { ...key, secrets: again } })]);
  keys(issued, rotated)
    .when({ kind: "rotate", id: "k1", sha256: third, overlapSeconds: 0, timeMs: nowMs })
    .then([create(KeyRotatedSchema, { key: { ...key, secrets: [{ sha256: third }] } })]);
});

test.each([-1, 0.5, Number.NaN, limits.rotationOverlapSecondsMax + 1])(
  "an overlap of %s seconds is refused",
  (seconds) => {
    keys(issued)
      .when({ kind: "rotate", id: "k1", sha256: second, overlapSeconds: seconds, timeMs: nowMs })
      .refused({ kind: "invalid-input", field: "overlapSeconds" });
  },
);

test("revoked is final: the name is free, and nothing can be done with the key", () => {
  keys(issued).when({ kind: "revoke", id: "k1", timeMs: nowMs }).then([revoked], { release: true });
  const dead = keys(issued, revoked);
  dead.when({ kind: "revoke", id: "k1", timeMs: nowMs }).refused({ kind: "already-revoked", revokedAtMs: nowMs });
  dead.when({ kind: "change", id: "k1", tools: [], timeMs: nowMs }).refused({ kind: "already-revoked" });
  dead
    .when({ kind: "rotate", id: "k1", sha256: second, overlapSeconds: 0, timeMs: nowMs })
    .refused({ kind: "already-revoked" });
});

test("what was never issued is not found", () => {
  keys().when({ kind: "revoke", id: "k1", timeMs: nowMs }).refused({ kind: "not-found", scope: "key/k1" });
});
