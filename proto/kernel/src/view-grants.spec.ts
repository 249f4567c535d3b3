// What a key reaches by its patterns, its groups and its team together, held against the plainest reading of the rule while all
// of them change under a running view. A principal is kept between requests; one that outlived what it was made of would go
// on granting what was taken away.

import { create, toBinary, type Message } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import {
  KeyChangedSchema,
  ServerRegisteredSchema,
  TeamChangedSchema,
  ToolApprovalWithdrawnSchema,
  ToolApprovedSchema,
  ToolGroupChangedSchema,
  ToolGroupRetiredSchema,
} from "@tollgate/schema/events";
import { KeySchema } from "@tollgate/schema/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedBy, grantKinds, grantOf } from "./grant.ts";
import { formatKey, parseKey } from "./key-format.ts";
import { recordsOf, type Written } from "./records.fixture.ts";
import { apply, empty, fromSnapshot, type Replica } from "./replica.ts";
import {
  authenticate,
  isApproved,
  narrowed,
  reachable,
  reachesServer,
  viewOf,
  type Principal,
  type View,
} from "./view.ts";

const keyId = "0123456789abcdef";
const sent = parseKey(formatKey("key", keyId, new Uint8Array(32).fill(1)));
if (!sent) throw new Error("the format does not read what it made");
const hash = sha256(utf8ToBytes(sent.text));

type Grants = { tools: string[]; toolGroupIds: string[] };
const written = (scope: string, event: Message): Written => ({ event, scopes: [scope] });
const events = {
  key: (grants: Grants) =>
    written(
      `key/${keyId}`,
      create(KeyChangedSchema, { key: { id: keyId, teamId: "t", secrets: [{ sha256: hash }], ...grants } }),
    ),
  team: (grants: Grants) => written("team/t", create(TeamChangedSchema, { team: { id: "t", ...grants } })),
  server: (name: string) => written(`server/${name}`, create(ServerRegisteredSchema, { server: { id: name, name } })),
  group: (id: string, tools: string[], requires: string[] = []) =>
    written(`tool-group/${id}`, create(ToolGroupChangedSchema, { toolGroup: { id, name: id, tools, requires } })),
  groupRetired: (id: string) => written(`tool-group/${id}`, create(ToolGroupRetiredSchema, { toolGroup: { id } })),
  approved: (name: string, definitionSha256: Uint8Array) =>
    written(
      `tool-approval/${name}`,
      create(ToolApprovedSchema, { toolApproval: { id: name, serverId: "a", name, definitionSha256 } }),
    ),
  withdrawn: (name: string) =>
    written(`tool-approval/${name}`, create(ToolApprovalWithdrawnSchema, { toolApproval: { id: name } })),
};

const after = (replica: Replica, ...all: Written[]) => apply(replica, recordsOf([all], replica.position));
/** As an event of tomorrow about the scope does. */
const unclear = (replica: Replica, scope: string) => {
  const [record] = recordsOf([[{ ...events.groupRetired("x"), scopes: [scope] }]], replica.position);
  if (!record) throw new Error("no record");
  return apply(replica, [{ ...record, type: "tollgate.v1.Unheard" }]);
};

function principalIn(view: View): Principal {
  if (!sent) throw new Error("no key");
  const answer = authenticate(view, sent, hash, 0);
  if (answer.outcome === "refused") throw new Error(answer.code);
  return answer.principal;
}

const servers = ["a", "b"];
const none: Grants = { tools: [], toolGroupIds: [] };
const begun = after(empty(), events.team(none), events.key(none), ...servers.map(events.server));

describe("a principal", () => {
  const groups = ["g1", "g2", "g3"];
  const pattern = fc
    .tuple(
      fc.constantFrom("", "", "prompt:", "resource:"),
      fc.constantFrom("a", "b", "*"),
      fc.constantFrom("x", "y*", "*"),
    )
    .map(([kind, server, name]) => `${kind}${server}/${name}`);
  const tools = fc.array(pattern, { maxLength: 2 });
  const grants = fc.record({ tools, toolGroupIds: fc.subarray([...groups, "never-made"], { maxLength: 2 }) });
  type Model = { key: Grants; team: Grants; groups: Map<string, string[]>; refused: Set<string> };
  type Move = (replica: Replica, model: Model) => Replica;
  const ofKey =
    (key: Grants): Move =>
    (replica, model) => {
      model.key = key;
      return after(replica, events.key(key));
    };
  const ofTeam =
    (team: Grants): Move =>
    (replica, model) => {
      model.team = team;
      return after(replica, events.team(team));
    };
  const ofGroup =
    ([id, patterns]: [string, string[]]): Move =>
    (replica, model) => {
      model.groups.set(id, patterns);
      return after(replica, events.group(id, patterns));
    };
  const retiring =
    (id: string): Move =>
    (replica, model) => {
      model.groups.delete(id);
      return after(replica, events.groupRetired(id));
    };
  const needing =
    (id: string): Move =>
    (replica, model) => {
      model.groups.delete(id);
      return after(replica, events.group(id, ["*/*"], ["a-feature-of-tomorrow"]));
    };
  const doubting =
    (id: string): Move =>
    (replica, model) => {
      model.refused.add(id);
      return unclear(replica, `tool-group/${id}`);
    };
  const group = fc.constantFrom(...groups);
  const move: fc.Arbitrary<Move> = fc.oneof(
    grants.map(ofKey),
    grants.map(ofTeam),
    { weight: 3, arbitrary: fc.tuple(group, tools).map(ofGroup) },
    group.map(retiring),
    group.map(needing),
    { weight: 1, arbitrary: fc.tuple(group, fc.nat(9)).map(([id, n]) => (n === 0 ? doubting(id) : retiring(id))) },
  );

  const union = ({ tools: own, toolGroupIds }: Grants, model: Model) => [
    ...own,
    ...toolGroupIds.flatMap((id) => (model.refused.has(id) ? [] : (model.groups.get(id) ?? []))),
  ];

  test("reaches what it and its team are granted, after every change of either and of their groups", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 12 }), (moves) => {
        const model: Model = { key: none, team: none, groups: new Map(), refused: new Set() };
        let [replica, view] = [begun, viewOf(begun)];
        for (const next of moves) {
          replica = next(replica, model);
          view = viewOf(replica, view);
          const principal = principalIn(view);
          const [own, bound] = [union(model.key, model), union(model.team, model)];
          const isBounded = model.team.tools.length + model.team.toolGroupIds.length > 0;
          for (const server of servers)
            for (const kind of grantKinds)
              for (const name of ["x", "y1", "z/z"]) {
                const grantedBy = (patterns: string[]) =>
                  patterns.some((text) => allowedBy(grantOf([text]), kind, server, name));
                const expected = grantedBy(own) && (!isBounded || grantedBy(bound));
                expect(reachable(view, principal, kind, server, name)?.id).toBe(expected ? server : undefined);
                if (expected) expect(reachesServer(view, principal, server)).toBe(true);
                const known = view.toolGroupsByName.get("g1");
                const narrow = known && narrowed(view, principal, known);
                const held = !model.refused.has("g1") && grantedBy(model.groups.get("g1") ?? []);
                if (narrow)
                  expect(reachable(view, narrow, kind, server, name)).toBe(
                    expected && held ? view.serversByName.get(server) : undefined,
                  );
              }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("is kept while nothing of it changes, and at a group's endpoint, too", () => {
    const replica = after(begun, events.group("g1", ["a/x"]), events.key({ tools: ["a/*"], toolGroupIds: ["g1"] }));
    const view = viewOf(replica);
    const later = viewOf(after(replica, events.server("c"), events.group("g2", [])), view);
    const principal = principalIn(later);
    expect(principal).toBe(principalIn(view));
    const g1 = later.toolGroupsByName.get("g1");
    if (!g1) throw new Error("no group");
    expect(narrowed(later, principal, g1)).toBe(narrowed(view, principal, g1));
    expect(reachesServer(later, narrowed(later, principal, g1), "a")).toBe(true);
    expect(reachesServer(later, narrowed(later, principal, g1), "b")).toBe(false);
    // Of a view that does not have it so any more.
    const changed = viewOf(after(replica, events.group("g1", ["a/y"])), later);
    expect(narrowed(changed, principal, g1).allows("a", "x")).toBe(false);
  });
});

describe("an approval", () => {
  const [one, other] = [1, 2].map((fill) => new Uint8Array(32).fill(fill));
  if (!one || !other) throw new Error("no hashes");
  const server = { id: "a" };
  const approved = after(begun, events.approved("read", one));

  test("is of one tool of one server as it was defined, until it is withdrawn", () => {
    expect(isApproved(viewOf(begun), server, "read", one)).toBe(false);
    const view = viewOf(approved);
    expect(isApproved(view, server, "read", one)).toBe(true);
    for (const [of, tool, hashed] of [
      [server, "read", other],
      [server, "write", one],
      [{ id: "b" }, "read", one],
      [server, "read", new Uint8Array()],
    ] as const)
      expect(isApproved(view, of, tool, hashed)).toBe(false);
    const anew = viewOf(after(approved, events.approved("read", other)), view);
    expect([one, other].map((hashed) => isApproved(anew, server, "read", hashed))).toEqual([false, true]);
    expect(isApproved(viewOf(after(approved, events.withdrawn("read")), view), server, "read", one)).toBe(false);
  });

  test("about which something was not understood is none", () => {
    expect(isApproved(viewOf(unclear(approved, "tool-approval/read")), server, "read", one)).toBe(false);
  });
});

test("a team that needs a newer proxy for its bound refuses its keys rather than let them reach more", () => {
  const key = create(KeySchema, { id: keyId, teamId: "t", secrets: [{ sha256: hash }], tools: ["*/*"] });
  const replica = after(
    fromSnapshot(1n, [{ kind: "key", id: keyId, bytes: toBinary(KeySchema, key) }]),
    written("team/t", create(TeamChangedSchema, { team: { id: "t", tools: ["a/*"], requires: ["of-tomorrow"] } })),
  );
  expect(() => principalIn(viewOf(replica))).toThrow("auth.scope-refused");
});
