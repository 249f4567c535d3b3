// Who gets in, and what he reaches, decided on one view. Everything that is missing, unknown or not understood refuses.

import { create } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { KeySchema, ServerSchema, TeamSchema, type Key } from "@tollgate/schema/resources";
import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { collectGarbage } from "../../../test/support/collect-garbage.ts";
import { formatKey, parseKey, type KeyKind, type KeyText } from "./key-format.ts";
import { events, recordsOf } from "./records.fixture.ts";
import { apply, fromSnapshot, type Change, type Replica } from "./replica.ts";
import { authenticate, reachableServer, reachesServer, viewOf, type Principal } from "./view.ts";

const keyId = "0123456789abcdef";
const nowMs = 1_000_000;

function keyText(fill: number, kind: KeyKind = "key", id = keyId): KeyText {
  const text = parseKey(formatKey(kind, id, new Uint8Array(32).fill(fill)));
  if (!text) throw new Error("the format does not read what it made");
  return text;
}

/** The same for the same text, as of a connection on which one request follows the other: what was found out is kept by it. */
const hashes = new WeakMap<KeyText, Uint8Array>();
function hashOf(sent: KeyText): Uint8Array {
  const hash = hashes.get(sent) ?? sha256(utf8ToBytes(sent.text));
  hashes.set(sent, hash);
  return hash;
}
const current = keyText(1);
const former = keyText(2);

type KeyFields = Partial<Pick<Key, "tools" | "expiresAtMs" | "teamId">> & { formerUntilMs?: bigint; id?: string };

function keyResource({ formerUntilMs, id = keyId, ...fields }: KeyFields = {}): Required<Change> {
  const secrets = [
    { sha256: hashOf(current) },
    ...(formerUntilMs === undefined ? [] : [{ sha256: hashOf(former), validUntilMs: formerUntilMs }]),
  ];
  const resource = create(KeySchema, { id, teamId: "t", secrets, tools: ["github/*"], ...fields });
  return { kind: "key", id, bytes: toBinary(KeySchema, resource) };
}

const team: Required<Change> = { kind: "team", id: "t", bytes: toBinary(TeamSchema, create(TeamSchema, { id: "t" })) };
const server = (id: string, name: string): Required<Change> => ({
  kind: "server",
  id,
  bytes: toBinary(ServerSchema, create(ServerSchema, { id, name })),
});
const replicaOf = (...resources: Required<Change>[]) => fromSnapshot(1n, resources);

const outcome = (replica: Replica, sent = current, atMs = nowMs) => {
  const answer = authenticate(viewOf(replica), sent, hashOf(sent), atMs);
  return answer.outcome === "refused" ? answer.code : answer.principal.key.id;
};

function principalIn(replica: Replica): Principal {
  const answer = authenticate(viewOf(replica), current, hashOf(current), nowMs);
  if (answer.outcome === "refused") throw new Error(answer.code);
  return answer.principal;
}

describe("authentication", () => {
  test("lets a key of a known team in", () => {
    expect(outcome(replicaOf(team, keyResource()))).toBe(keyId);
  });

  test("refuses an id that is not there and a secret that is not the key's, alike", () => {
    expect(outcome(replicaOf(team))).toBe("auth.key-unknown");
    expect(outcome(replicaOf(team, keyResource()), keyText(9))).toBe("auth.key-unknown");
  });

  test("refuses an admin token, even with the id of a key", () => {
    expect(outcome(replicaOf(team, keyResource()), keyText(1, "adm"))).toBe("auth.admin-token-on-proxy");
  });

  test("takes a rotated key's former secret until its overlap ends, and not at that moment", () => {
    const rotated = replicaOf(team, keyResource({ formerUntilMs: 2_000_000n }));
    expect(outcome(rotated, former, 1_999_999)).toBe(keyId);
    expect(outcome(rotated, former, 2_000_000)).toBe("auth.key-unknown");
    expect(outcome(rotated, current, 2_000_000)).toBe(keyId);
  });

  test("lets a key in until it expires, and not at that moment", () => {
    const expiring = replicaOf(team, keyResource({ expiresAtMs: 2_000_000n }));
    expect(outcome(expiring, current, 1_999_999)).toBe(keyId);
    expect(outcome(expiring, current, 2_000_000)).toBe("auth.key-expired");
  });

  test("takes a key no longer than the log has it, though it was taken a moment before", () => {
    const replica = replicaOf(team, keyResource());
    expect(outcome(replica)).toBe(keyId);
    const revoked = apply(replica, recordsOf([[events.keyRevoked(keyId)]], replica.position));
    expect(outcome(revoked)).toBe("auth.key-unknown");
    expect(outcome(replica)).toBe(keyId);
  });

  test("holds up no replica that is over, however long a connection keeps the key that it was sent", async () => {
    const sent = keyText(1);
    const replicas = Array.from({ length: 3 }, () => {
      const replica = replicaOf(team, keyResource());
      expect(outcome(replica, sent)).toBe(keyId);
      return new WeakRef(replica);
    });
    await collectGarbage();
    expect(replicas.map((one) => one.deref())).toEqual([undefined, undefined, undefined]);
    expect(hashOf(sent)).toHaveLength(32);
  });

  test("tells nobody without the secret that a key has expired", () => {
    const expired = replicaOf(team, keyResource({ expiresAtMs: 1n }));
    expect(outcome(expired, keyText(9))).toBe("auth.key-unknown");
  });

  test("refuses a key whose team is not there", () => {
    expect(outcome(replicaOf(keyResource()))).toBe("auth.scope-refused");
  });

  test("refuses a key about which, or about whose team, something was not understood", () => {
    const replica = replicaOf(team, keyResource());
    const [record] = recordsOf([[events.keyChanged(keyId)]], replica.position);
    if (!record) throw new Error("no record");
    for (const scope of [`key/${keyId}`, "team/t"]) {
      const unclear = apply(replica, [{ ...record, type: "tollgate.v1.Unheard", scopes: [scope] }]);
      expect(outcome(unclear)).toBe("auth.scope-refused");
    }
    const elsewhere = apply(replica, [{ ...record, type: "tollgate.v1.Unheard", scopes: ["key/other", "team/other"] }]);
    expect(outcome(elsewhere)).toBe(keyId);
  });

  test("refuses a key without any secret, whatever is sent", () => {
    const bare = create(KeySchema, { id: keyId, teamId: "t" });
    const replica = replicaOf(team, { kind: "key", id: keyId, bytes: toBinary(KeySchema, bare) });
    expect(outcome(replica)).toBe("auth.key-unknown");
    expect(authenticate(viewOf(replica), current, new Uint8Array(), nowMs).outcome).toBe("refused");
  });
});

describe("principals", () => {
  test("are made once for a key and team, over views that left both alone", () => {
    const replica = replicaOf(team, keyResource());
    const next = apply(replica, recordsOf([[events.serverRegistered("s", "http://s")]], replica.position));
    expect(principalIn(next)).toBe(principalIn(replica));
  });

  test("are made anew when the team changes", () => {
    const replica = replicaOf(team, keyResource());
    const next = apply(replica, recordsOf([[events.teamCreated("t", "renamed")]], replica.position));
    expect(principalIn(next).team.name).toBe("renamed");
    expect(principalIn(replica).team.name).toBe("");
  });

  test("share one matcher where their grants are the same", () => {
    const other = keyResource({ id: "fedcba9876543210" });
    const view = viewOf(replicaOf(team, keyResource(), other));
    const second = keyText(1, "key", "fedcba9876543210");
    // Both keys hold the hash of the first key's text; only the id that is sent differs.
    const answer = authenticate(view, second, hashOf(current), nowMs);
    expect(answer.outcome === "principal" && answer.principal.allows).toBe(principalIn(view.replica).allows);
  });
});

describe("what a principal reaches", () => {
  const replica = replicaOf(team, keyResource(), server("s1", "github"), server("s2", "jira"));
  const reach = (from: Replica, name: string, tool: string) =>
    reachableServer(viewOf(from), principalIn(from), name, tool)?.id;

  test("is a server that is there and a tool that is granted", () => {
    expect(reach(replica, "github", "search")).toBe("s1");
    expect(reach(replica, "jira", "search")).toBeUndefined();
    expect(reach(replica, "gitlab", "search")).toBeUndefined();
  });

  test("is not a server about which something was not understood: it is as if it did not exist", () => {
    const [record] = recordsOf([[events.serverRetired("s1")]], replica.position);
    if (!record) throw new Error("no record");
    const unclear = apply(replica, [{ ...record, type: "tollgate.v1.Unheard" }]);
    expect(reach(unclear, "github", "search")).toBeUndefined();
    expect(reachesServer(viewOf(unclear), principalIn(unclear), "github")).toBe(false);
  });

  test("is some tool of a server exactly where a pattern grants one there", () => {
    const servers = ["github", "jira", "git", "git-2"].map((name) => server(name, name));
    const reached = (...tools: string[]) => {
      const replica = replicaOf(team, keyResource({ tools }), ...servers);
      const isReached = (name: string) => reachesServer(viewOf(replica), principalIn(replica), name);
      return [...servers.map(({ id }) => id), "gitlab"].filter(isReached);
    };
    expect(reached()).toEqual([]);
    expect(reached("github/search", "gitlab/*")).toEqual(["github"]);
    expect(reached("git*/read", "jir/*", "jira")).toEqual(["github", "git", "git-2"]);
    expect(reached("jira/a/b")).toEqual(["jira"]);
  });
});

describe("a view", () => {
  test("takes the servers of the one before it where none changed, and new ones where one did", () => {
    const replica = replicaOf(team, server("s1", "github"));
    const view = viewOf(replica);
    const other = viewOf(apply(replica, recordsOf([[events.teamCreated("u")]], 1n)), view);
    expect(other.serversByName).toBe(view.serversByName);
    const changed = viewOf(apply(replica, recordsOf([[events.serverRegistered("new", "http://n")]], 1n)), view);
    expect([...changed.serversByName.keys()]).toEqual(["github", "new"]);
    expect([...view.serversByName.keys()]).toEqual(["github"]);
  });

  test("has no secret about which something was not understood", () => {
    const replica = apply(replicaOf(), recordsOf([[events.secretStored("x", 3)]], 1n));
    expect(viewOf(replica).secret("x")?.version).toBe(3);
    const [record] = recordsOf([[events.secretErased("x")]], 2n);
    if (!record) throw new Error("no record");
    expect(viewOf(apply(replica, [{ ...record, type: "tollgate.v1.Unheard" }])).secret("x")).toBeUndefined();
  });
});
