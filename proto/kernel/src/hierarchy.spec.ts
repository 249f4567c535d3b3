// What a call reaches when customer, team, user and key all have a say and the request itself takes away: held against the
// plainest reading of the rule, with matchers of its own, while everything changes under a running view. A level that was
// forgotten, or kept when it had changed, would let a key reach what was taken from it; a header that widened would let
// whoever writes headers be whoever he likes.

import { create, type Message } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import {
  CustomerChangedSchema,
  CustomerRetiredSchema,
  KeyChangedSchema,
  ModelAliasCreatedSchema,
  ProviderRegisteredSchema,
  ServerRegisteredSchema,
  TeamChangedSchema,
  ToolGroupChangedSchema,
  ToolGroupRetiredSchema,
  UserChangedSchema,
  UserRetiredSchema,
} from "@tollgate/schema/events";
import { ProviderKind } from "@tollgate/schema/resources";
import fc from "fast-check";
import { expect, test } from "vitest";
import { admit, type Asked } from "./asked.ts";
import { grantKinds } from "./grant.ts";
import { formatKey, parseKey } from "./key-format.ts";
import { reachableModel, reachableModels } from "./models.ts";
import { recordsOf, type Written } from "./records.fixture.ts";
import { apply, empty, type Replica } from "./replica.ts";
import type { GrantKind } from "./tool-pattern.ts";
import { reachable, reachesServer, viewOf, type Principal, type View } from "./view.ts";

const keyId = "0123456789abcdef";
const parsed = parseKey(formatKey("key", keyId, new Uint8Array(32).fill(1)));
if (!parsed) throw new Error("the format does not read what it made");
const sent = parsed;
const hash = sha256(utf8ToBytes(sent.text));

type Bound = { tools: string[]; toolGroupIds: string[]; models: string[] };
type Level = "customer" | "team" | "user";
/** `is`: named and there, not named, named and gone, or about which something was not understood. */
type Held = Bound & { is: "there" | "none" | "gone" | "unclear" };
type World = { customer: Held; team: Held; user: Held; key: Bound; groups: Record<string, string[] | undefined> };

const servers = ["a", "b"];
const toolNames = ["x", "y1", "y2"];
const groups = ["g1", "g2"];
const providers: Record<string, string[]> = { p: ["m1", "m2"], q: ["m1", "n1"] };
const aliases: Record<string, [provider: string, model: string]> = { fast: ["p", "m1"], slow: ["q", "n1"] };

const toolPattern = fc
  .tuple(
    fc.constantFrom("", "", "", "prompt:", "resource:"),
    fc.constantFrom("a", "b", "*"),
    fc.constantFrom("x", "y*", "*", "*"),
  )
  .map(([kind, server, name]) => `${kind}${server}/${name}`);
const modelPattern = fc.constantFrom("*", "p/*", "q/*", "*/m1", "p/m*", "q/n1", "fast", "s*");
const bound = fc.record({
  tools: fc.array(toolPattern, { maxLength: 3 }),
  toolGroupIds: fc.subarray([...groups, "never-made"], { maxLength: 2 }),
  models: fc.array(modelPattern, { maxLength: 3 }),
});
const is = fc.oneof(
  { weight: 6, arbitrary: fc.constant("there" as const) },
  { weight: 2, arbitrary: fc.constant("none" as const) },
  { weight: 1, arbitrary: fc.constantFrom("gone" as const, "unclear" as const) },
);
const held = fc.tuple(bound, is).map(([of, state]): Held => ({ ...of, is: state }));
const world: fc.Arbitrary<World> = fc.record({
  customer: held,
  // A key is always in a team.
  team: held.map((one): Held => ({ ...one, is: one.is === "unclear" ? "unclear" : "there" })),
  user: held,
  key: bound,
  groups: fc.record({
    g1: fc.option(fc.array(toolPattern, { maxLength: 3 }), { nil: undefined }),
    g2: fc.option(fc.array(toolPattern, { maxLength: 3 }), { nil: undefined }),
  }),
});
const header = (item: fc.Arbitrary<string>) =>
  fc.option(
    fc.array(item, { maxLength: 3 }).map((items) => items.join(", ")),
    { nil: undefined },
  );
const asked: fc.Arbitrary<Asked> = fc.record({
  tools: header(toolPattern),
  servers: header(fc.constantFrom("a", "b", "*")),
  models: header(modelPattern),
  labels: fc.constant(undefined),
});

// The model: regular expressions, no sharing, nothing kept.

const regex = (glob: string): RegExp => new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);

function grantsTool(patterns: readonly string[], kind: GrantKind, server: string, name: string): boolean {
  return patterns.some((pattern) => {
    const [, prefix, ofServer = "", ofName = ""] = /^(prompt:|resource:|)([^/]*)\/(.*)$/.exec(pattern) ?? [];
    const isKind = prefix === "" ? kind === "tool" || ofName === "*" : prefix === `${kind}:`;
    return isKind && regex(ofServer).test(server) && regex(ofName).test(name);
  });
}

function grantsModel(patterns: readonly string[], provider: string, model: string): boolean {
  return patterns.some((pattern) => pattern === "*" || regex(pattern).test(`${provider}/${model}`));
}

function grantsAlias(patterns: readonly string[], alias: string): boolean {
  const [provider = "", model = ""] = aliases[alias] ?? [];
  return patterns.some((pattern) => regex(pattern).test(alias)) || grantsModel(patterns, provider, model);
}

function toolsOf({ tools, toolGroupIds }: Bound, of: World): string[] {
  return [...tools, ...toolGroupIds.flatMap((id) => of.groups[id] ?? [])];
}

/** What each level that narrows lets through; the key always does. */
function bounds(of: World, { tools, servers: only, models }: Asked): { tools: string[][]; models: string[][] } {
  const items = (text: string) => text.split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
  const levels = [of.customer, of.team, of.user].filter((level) => level.is === "there");
  return {
    tools: [
      toolsOf(of.key, of),
      ...levels.filter((one) => one.tools.length + one.toolGroupIds.length > 0).map((one) => toolsOf(one, of)),
      ...(tools === undefined ? [] : [items(tools)]),
      ...(only === undefined ? [] : [items(only).map((server) => `${server}/*`)]),
    ],
    models: [
      of.key.models,
      ...levels.filter((one) => one.models.length > 0).map((one) => one.models),
      ...(models === undefined ? [] : [items(models)]),
    ],
  };
}

// The product, driven by events.

const written = (scope: string, event: Message): Written => ({ event, scopes: [scope] });
const after = (replica: Replica, ...all: Written[]) => apply(replica, recordsOf([all], replica.position));

function unclear(replica: Replica, scope: string): Replica {
  const [record] = recordsOf(
    [[written(scope, create(UserRetiredSchema, { user: { id: "nobody" } }))]],
    replica.position,
  );
  if (!record) throw new Error("no record");
  return apply(replica, [{ ...record, type: "tollgate.v1.Unheard" }]);
}

const begun = after(
  empty(),
  ...servers.map((name) => written(`server/${name}`, create(ServerRegisteredSchema, { server: { id: name, name } }))),
  ...Object.entries(providers).map(([id, models]) => {
    const provider = { id, name: id, kind: ProviderKind.OPENAI, models };
    return written(`provider/${id}`, create(ProviderRegisteredSchema, { provider }));
  }),
  ...Object.entries(aliases).map(([id, [providerId, model]]) => {
    const modelAlias = { id, name: id, targets: [{ providerId, model }] };
    return written(`model-alias/${id}`, create(ModelAliasCreatedSchema, { modelAlias }));
  }),
);

/** The events that lead to a world, from whatever was before: levels go under ids that are never used again once unclear. */
function reached(replica: Replica, of: World, round: number): Replica {
  const id = (level: Level) => (of[level].is === "none" ? "" : of[level].is === "unclear" ? `${level}${round}` : level);
  const part = ({ tools, toolGroupIds, models }: Bound) => ({ tools, toolGroupIds, models });
  const [customer, team, user] = [id("customer"), id("team"), id("user")];
  const there = (level: Level) => of[level].is === "there" || of[level].is === "unclear";
  const next = after(
    replica,
    ...groups.map((group) => {
      const tools = of.groups[group];
      return tools === undefined
        ? written(`tool-group/${group}`, create(ToolGroupRetiredSchema, { toolGroup: { id: group } }))
        : written(
            `tool-group/${group}`,
            create(ToolGroupChangedSchema, { toolGroup: { id: group, name: group, tools } }),
          );
    }),
    customer !== "" && there("customer")
      ? written(
          `customer/${customer}`,
          create(CustomerChangedSchema, { customer: { id: customer, name: customer, ...part(of.customer) } }),
        )
      : written("customer/customer", create(CustomerRetiredSchema, { customer: { id: "customer" } })),
    user !== "" && there("user")
      ? written(`user/${user}`, create(UserChangedSchema, { user: { id: user, name: user, ...part(of.user) } }))
      : written("user/user", create(UserRetiredSchema, { user: { id: "user" } })),
    written(
      `team/${team}`,
      create(TeamChangedSchema, { team: { id: team, name: team, customerId: customer, ...part(of.team) } }),
    ),
    written(
      `key/${keyId}`,
      create(KeyChangedSchema, {
        key: { id: keyId, teamId: team, userId: user, secrets: [{ sha256: hash }], ...part(of.key) },
      }),
    ),
  );
  const levels: Level[] = ["customer", "team", "user"];
  return levels
    .filter((level) => of[level].is === "unclear")
    .reduce((now, level) => unclear(now, `${level}/${id(level)}`), next);
}

function checkTools(view: View, principal: Principal, patterns: readonly string[][]): void {
  for (const server of servers)
    for (const kind of grantKinds)
      for (const name of toolNames) {
        const isExpected = patterns.every((level) => grantsTool(level, kind, server, name));
        const found = reachable(view, principal, kind, server, name);
        expect(found?.id, `${kind} ${server}/${name}`).toBe(isExpected ? server : undefined);
        if (isExpected) expect(reachesServer(view, principal, server)).toBe(true);
      }
}

/** What the list of a door to models says and what a call by each name reaches. */
function checkModels(view: View, principal: Principal, patterns: readonly string[][]): void {
  const kind = ProviderKind.OPENAI;
  const all = Object.entries(providers).flatMap(([provider, models]) =>
    models.map((model) => [provider, model] as const),
  );
  const expected = all.filter(([provider, model]) => patterns.every((level) => grantsModel(level, provider, model)));
  const expectedAliases = Object.keys(aliases).filter((alias) => patterns.every((level) => grantsAlias(level, alias)));
  for (const [provider, model] of all) {
    const found = reachableModel(view, principal, kind, `${provider}/${model}`);
    const isExpected = expected.some((one) => one[0] === provider && one[1] === model);
    expect(typeof found === "string" ? found : "reached", `${provider}/${model}`).toBe(
      isExpected ? "reached" : "model.unknown",
    );
  }
  for (const alias of Object.keys(aliases)) {
    const found = reachableModel(view, principal, kind, alias);
    expect(typeof found !== "string", alias).toBe(expectedAliases.includes(alias));
  }
  const listed = reachableModels(view, principal, kind).map(({ id }) => reachableModel(view, principal, kind, id));
  const said = listed.map((one) =>
    typeof one === "string" ? one : `${one.alias?.name ?? ""} ${one.provider.name}/${one.model}`,
  );
  const wanted = [
    ...expectedAliases.map((alias) => `${alias} ${aliases[alias]?.join("/")}`),
    ...expected.map(([provider, model]) => ` ${provider}/${model}`),
  ];
  expect(said.sort()).toEqual(wanted.sort());
}

const nothingAsked: Asked = { tools: undefined, servers: undefined, models: undefined, labels: undefined };

test("a call reaches what key, user, team and customer are granted and its headers leave, in lists and calls alike", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(world, fc.array(asked, { maxLength: 3 })), { minLength: 1, maxLength: 5 }),
      (rounds) => {
        let [replica, view] = [begun, viewOf(begun)];
        for (const [round, [of, requests]] of rounds.entries()) {
          replica = reached(replica, of, round);
          view = viewOf(replica, view);
          const isRefused = [of.customer, of.team, of.user].some((one) => one.is === "gone" || one.is === "unclear");
          for (const request of [nothingAsked, ...requests, nothingAsked]) {
            const admission = admit(view, { key: sent, sha256: hash, asked: request }, 0);
            if (isRefused) {
              expect(admission).toMatchObject({ outcome: "refused", code: "auth.scope-refused" });
              continue;
            }
            if (admission.outcome === "refused") throw new Error(admission.detail ?? admission.code);
            const expected = bounds(of, request);
            checkTools(view, admission.principal, expected.tools);
            checkModels(view, admission.principal, expected.models);
            // The same again: what is kept between requests is the same principal.
            expect(admit(view, { key: sent, sha256: hash, asked: request }, 0)).toEqual(admission);
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("a principal is kept while nothing of it changes, and is another one when one of its levels is", () => {
  const bounded: Bound = { tools: ["a/*"], toolGroupIds: [], models: ["*"] };
  const of: World = {
    customer: { ...bounded, is: "there" },
    team: { ...bounded, is: "there" },
    user: { ...bounded, is: "there" },
    key: { tools: [], toolGroupIds: ["g1"], models: ["*"] },
    groups: { g1: ["a/*"], g2: undefined },
  };
  const first = reached(begun, of, 0);
  const principalIn = (replica: Replica) => {
    const admission = admit(viewOf(replica), { key: sent, sha256: hash }, 0);
    if (admission.outcome === "refused") throw new Error(admission.code);
    return admission.principal;
  };
  const principal = principalIn(first);
  const other = after(
    first,
    written("user/other", create(UserChangedSchema, { user: { id: "other", name: "other" } })),
  );
  expect(principalIn(other)).toBe(principal);
  for (const event of [
    written("customer/customer", create(CustomerChangedSchema, { customer: { id: "customer", tools: ["b/*"] } })),
    written("user/user", create(UserChangedSchema, { user: { id: "user", tools: ["b/*"] } })),
    written("team/team", create(TeamChangedSchema, { team: { id: "team", customerId: "customer", tools: ["b/*"] } })),
    written("tool-group/g1", create(ToolGroupChangedSchema, { toolGroup: { id: "g1", tools: ["b/*"] } })),
  ]) {
    // What is kept is of the newest state that was asked for.
    const before = principalIn(first);
    const changed = principalIn(after(first, event));
    expect([before.allows("a", "x"), changed.allows("a", "x")]).toEqual([true, false]);
  }
});
