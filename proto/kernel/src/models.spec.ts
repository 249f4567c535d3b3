// Which model a name means and which a key reaches, held against the plainest reading of the rule over random providers, aliases
// and grants. If lists and calls parted, a client would be shown what it is refused, or could call what it is not shown; if what
// is hidden changed an answer, a key could find out what else there is.

import { create, toBinary, type Message } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { ModelAliasRetiredSchema, ProviderRetiredSchema } from "@tollgate/schema/events";
import {
  KeySchema,
  ModelAliasSchema,
  PriceListSchema,
  ProviderKind,
  ProviderSchema,
  TeamSchema,
} from "@tollgate/schema/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatKey, parseKey } from "./key-format.ts";
import { reachableModel, reachableModels } from "./models.ts";
import { recordsOf } from "./records.fixture.ts";
import { apply, fromSnapshot, type Change, type Replica } from "./replica.ts";
import { authenticate, viewOf, type Principal, type View } from "./view.ts";

const keyId = "0123456789abcdef";
const sent = parseKey(formatKey("key", keyId, new Uint8Array(32).fill(1)));
if (!sent) throw new Error("the format does not read what it made");
const hash = sha256(utf8ToBytes(sent.text));
const { ANTHROPIC, OPENAI } = ProviderKind;

type TestProvider = { name: string; kind: ProviderKind; models: string[] };
type TestAlias = { name: string; targets: { provider: string; model: string }[] };
type World = { providers: TestProvider[]; aliases: TestAlias[]; key: string[]; team: string[] };

const idOf = (name: string) => `id-of-${name}`;
const resource = (kind: string, id: string, bytes: Uint8Array): Required<Change> => ({ kind, id, bytes });

function replicaOf({ providers, aliases, key, team }: World): Replica {
  return fromSnapshot(1n, [
    resource("team", "t", toBinary(TeamSchema, create(TeamSchema, { id: "t", models: team }))),
    resource(
      "key",
      keyId,
      toBinary(KeySchema, create(KeySchema, { id: keyId, teamId: "t", secrets: [{ sha256: hash }], models: key })),
    ),
    ...providers.map((one) => {
      const id = idOf(one.name);
      return resource("provider", id, toBinary(ProviderSchema, create(ProviderSchema, { id, ...one })));
    }),
    ...aliases.map(({ name, targets }) => {
      const ids = targets.map(({ provider, model }) => ({ providerId: idOf(provider), model }));
      const alias = create(ModelAliasSchema, { id: idOf(name), name, targets: ids });
      return resource("model-alias", idOf(name), toBinary(ModelAliasSchema, alias));
    }),
  ]);
}

function principalIn(view: View): Principal {
  if (!sent) throw new Error("no key");
  const answer = authenticate(view, sent, hash, 0);
  if (answer.outcome === "refused") throw new Error(answer.code);
  return answer.principal;
}

type Asking = { ask: (kind: ProviderKind, asked: string) => string; list: (kind: ProviderKind) => string[] };

/** Answers as text: "alias = provider/model", or the code of a refusal. */
function askingOf(replica: Replica): Asking {
  const view = viewOf(replica);
  const principal = principalIn(view);
  return {
    ask: (kind, asked) => {
      const reached = reachableModel(view, principal, kind, asked);
      if (typeof reached === "string") return reached;
      return `${reached.alias?.name ?? ""} = ${reached.provider.name}/${reached.model}`;
    },
    list: (kind) => reachableModels(view, principal, kind).map(({ id }) => id),
  };
}
const asking = (world: World) => askingOf(replicaOf(world));

const expressions = new Map<string, RegExp>();

function matches(pattern: string, text: string): boolean {
  const known = expressions.get(pattern) ?? expressionOf(pattern);
  expressions.set(pattern, known);
  return known.test(text);
}

function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => (sign === "*" ? ".*" : `\\${sign}`));
  return new RegExp(`^${source}$`);
}

const grants = (patterns: string[], provider: string, model: string) =>
  patterns.some((pattern) => {
    const [of = "", ...rest] = pattern.split("/");
    if (rest.length === 0) return pattern === "*";
    return matches(of, provider) && matches(rest.join("/"), model);
  });

const grantsAlias = (patterns: string[], { name, targets }: TestAlias, known: (provider: string) => boolean) =>
  patterns.some((pattern) => !pattern.includes("/") && matches(pattern, name)) ||
  (targets.length > 0 && targets.every(({ provider, model }) => known(provider) && grants(patterns, provider, model)));

/** The rule as it is told. */
function reference({ providers, aliases, key, team }: World) {
  const levels = team.length === 0 ? [key] : [key, team];
  const find = (name: string) => providers.find((one) => one.name === name);
  const known = (name: string) => find(name) !== undefined;
  const serves = (provider: TestProvider, model: string) =>
    provider.models.length === 0 || provider.models.some((pattern) => matches(pattern, model));
  const reaches = (provider: string, model: string) => levels.every((level) => grants(level, provider, model));
  const reachesAlias = (alias: TestAlias) => levels.every((level) => grantsAlias(level, alias, known));
  const ask = (kind: ProviderKind, asked: string): string => {
    const alias = aliases.find((one) => one.name === asked);
    const [prefix = "", ...rest] = asked.split("/");
    const named = rest.length > 0 ? find(prefix) : undefined;
    const model = rest.join("/");
    let candidates: { provider: TestProvider; model: string; alias: string }[];
    if (alias && reachesAlias(alias))
      candidates = alias.targets.flatMap((target) => {
        const provider = find(target.provider);
        return provider ? [{ provider, model: target.model, alias: asked }] : [];
      });
    else if (named && model !== "" && reaches(named.name, model) && serves(named, model))
      candidates = [{ provider: named, model, alias: "" }];
    else
      candidates = providers
        .filter(
          (provider) =>
            asked !== "" && provider.kind === kind && reaches(provider.name, asked) && serves(provider, asked),
        )
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((provider) => ({ provider, model: asked, alias: "" }));
    candidates = candidates.filter((one) => serves(one.provider, one.model));
    const found = candidates.find(({ provider }) => provider.kind === kind);
    if (found) return `${found.alias} = ${found.provider.name}/${found.model}`;
    return candidates.length > 0 ? "model.format-unsupported" : "model.unknown";
  };
  return { ask, reaches, reachesAlias };
}

const providerNames = ["a1", "a2", "o1", "o2"];
// One that looks like a provider's model, and one that aliases have, too.
const models = ["m", "m-2", "a2/m", "fast"];
const aliasNames = ["fast", "m", "smart"];
const universe = [...aliasNames, ...models, ...providerNames.flatMap((name) => models.map((one) => `${name}/${one}`))];
const asks = [...universe, "", "/", "a1/", "/m", "nobody", "a1/nobody"];
const kinds = [ANTHROPIC, OPENAI];

const pattern = fc.constantFrom(
  ...["*", "*/*", "a1/*", "a*/m", "*/m*", "a1/m", "a2/a2/m", "*/a2/*", "o1/*", "o2/m-2"],
  ...["fast", "f*", "m", "smart", "nobody/*"],
);
const patterns = fc.array(pattern, { maxLength: 3 });
const target = fc.record({
  provider: fc.constantFrom(...providerNames, "gone"),
  model: fc.constantFrom(...models),
});
const worldWith = (served: fc.Arbitrary<string[]>): fc.Arbitrary<World> =>
  fc.record({
    providers: fc
      .tuple(fc.subarray(providerNames), fc.array(served, { minLength: 4, maxLength: 4 }))
      .map(([names, each]) =>
        names.map((name, index) => ({
          ...{ name, kind: name.startsWith("a") ? ANTHROPIC : OPENAI },
          models: each[index] ?? [],
        })),
      ),
    aliases: fc.uniqueArray(
      fc.record({ name: fc.constantFrom(...aliasNames), targets: fc.array(target, { maxLength: 3 }) }),
      { selector: ({ name }) => name },
    ),
    key: patterns,
    team: patterns,
  });
const anyWorld = worldWith(fc.constantFrom([], ["m"], ["m*"], ["a2/*", "fast"], [...models]));
/** Where it is written down what there is. */
const listedWorld = worldWith(fc.subarray(models, { minLength: 1 }));

describe("what a client asks for", () => {
  test("means what the rule says", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { ask } = asking(world);
        const expected = reference(world);
        const answers = (of: Asking["ask"]) =>
          kinds.flatMap((kind) => asks.map((asked) => `${kind} ${asked}: ${of(kind, asked)}`));
        expect(answers(ask)).toEqual(answers(expected.ask));
      }),
      { numRuns: 300 },
    );
  });

  test("is in the list if it is let through, under the name that means it, and nothing else is", () => {
    fc.assert(
      fc.property(listedWorld, (world) => {
        const { ask, list } = asking(world);
        for (const kind of kinds) {
          const listed = list(kind).map((id) => ask(kind, id));
          const reached = universe.map((asked) => ask(kind, asked)).filter((answer) => answer.includes(" = "));
          expect(new Set(listed)).toEqual(new Set(reached));
          expect(new Set(listed).size, "each once").toBe(listed.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("is answered as if what the key does not reach were not there", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { reaches, reachesAlias } = reference(world);
        const aliases = world.aliases.filter(reachesAlias);
        const aliased = new Set(aliases.flatMap(({ targets }) => targets.map(({ provider }) => provider)));
        const isReached = ({ name }: TestProvider) =>
          aliased.has(name) || [...models, ...asks].some((model) => model !== "" && reaches(name, model));
        const [all, visible] = [world, { ...world, aliases, providers: world.providers.filter(isReached) }].map(asking);
        for (const kind of kinds) {
          expect(asks.map((asked) => visible?.ask(kind, asked))).toEqual(asks.map((asked) => all?.ask(kind, asked)));
          expect(visible?.list(kind)).toEqual(all?.list(kind));
        }
      }),
      { numRuns: 300 },
    );
  });
});

const claude: TestProvider = { name: "claude", kind: ANTHROPIC, models: [] };
const base: World = { providers: [claude], aliases: [], key: ["claude/*"], team: [] };

describe("a provider that serves whatever it is asked for", () => {
  test("is listed with the models that have a price, and those that a grant or an alias names", () => {
    const world = {
      ...base,
      key: ["claude/*", "claude/claude-of-tomorrow", "best"],
      aliases: [{ name: "best", targets: [{ provider: "claude", model: "claude-in-secret" }] }],
    };
    const ids = asking(world).list(ANTHROPIC);
    expect(ids).toEqual(expect.arrayContaining(["best", "claude-opus-5-5", "claude-of-tomorrow", "claude-in-secret"]));
    expect(ids.filter((id) => id.includes("*") || id.startsWith("gpt-"))).toEqual([]);
    const list = create(PriceListSchema, { id: "p", prices: [{ provider: "claude", model: "claude-for-us" }] });
    const view = viewOf(fromSnapshot(1n, [resource("price-list", "p", toBinary(PriceListSchema, list))]));
    const with_ = { ...viewOf(replicaOf(world)), priceList: view.priceList };
    expect(reachableModels(with_, principalIn(with_), ANTHROPIC).map(({ id }) => id)).toContain("claude-for-us");
  });

  test("is told to the client by the alias, where that was asked for", () => {
    const world = { ...base, aliases: [{ name: "best", targets: [{ provider: "claude", model: "claude-opus-5-5" }] }] };
    const view = viewOf(replicaOf(world));
    const listed = reachableModels(view, principalIn(view), ANTHROPIC);
    expect(listed).toContainEqual({ id: "best", provider: "claude", displayName: "best" });
    expect(listed).toContainEqual({ id: "claude-opus-5-5", provider: "claude", displayName: "claude-opus-5-5" });
  });
});

describe("what was not understood", () => {
  const unclear = (replica: Replica, scope: string, event: Message) => {
    const [record] = recordsOf([[{ event, scopes: [scope] }]], replica.position);
    if (!record) throw new Error("no record");
    return apply(replica, [{ ...record, type: "tollgate.v1.Unheard" }]);
  };
  const aliases = [{ name: "m", targets: [{ provider: "claude", model: "m-2" }] }];
  const replica = replicaOf({ ...base, aliases });

  test("of a provider hides it and what aliases make of it", () => {
    const refusing = unclear(replica, `provider/${idOf("claude")}`, create(ProviderRetiredSchema, {}));
    expect(["claude/x", "x", "m"].map((asked) => askingOf(refusing).ask(ANTHROPIC, asked))).toEqual(
      Array(3).fill("model.unknown"),
    );
    expect(askingOf(refusing).list(ANTHROPIC)).toEqual([]);
  });

  test("of an alias hides what its name means, and does not let it mean something else", () => {
    expect(askingOf(replica).ask(ANTHROPIC, "m")).toBe("m = claude/m-2");
    const refusing = unclear(replica, `model-alias/${idOf("m")}`, create(ModelAliasRetiredSchema, {}));
    expect(askingOf(refusing).ask(ANTHROPIC, "m")).toBe("model.unknown");
    expect(askingOf(refusing).ask(ANTHROPIC, "claude/m")).toBe(" = claude/m");
  });

  test("of the price list prices nothing", () => {
    const list = resource("price-list", "p", toBinary(PriceListSchema, create(PriceListSchema, { id: "p" })));
    const priced = fromSnapshot(1n, [list]);
    expect(viewOf(priced).priceList).toMatchObject({ id: "p" });
    const event = create(ProviderRetiredSchema, {});
    expect(viewOf(unclear(priced, "price-list/p", event), viewOf(priced)).priceList).toBe("refused");
    expect(viewOf(fromSnapshot(1n, [])).priceList).toBeUndefined();
  });
});

test("a principal's models follow its key and its team, and are kept while they do not change", () => {
  const view = viewOf(replicaOf({ ...base, key: ["claude/*"], team: ["claude/a*"] }));
  const { models: reached } = principalIn(view);
  expect([reached.allows("claude", "ab"), reached.allows("claude", "b")]).toEqual([true, false]);
  expect(principalIn(view).models).toBe(reached);
});
