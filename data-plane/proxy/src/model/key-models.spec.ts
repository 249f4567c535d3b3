// Keys see only their models, asked over HTTP at both doors in worlds drawn at random: providers of both kinds, aliases, a key's
// grants and its team's bounds. What a key does not reach may change nothing that it is told, to the byte; what is listed can be
// called; and what arrives at a provider was granted, read as plainly as can be. Beside it, that no body gets through in which
// what decides stands twice, however it is spelled.

import { ProviderKind } from "@tollgate/schema/resources";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { testEnvironment } from "../../../../test/support/environment.ts";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { at, key, started, team, viewWith } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 300_000 });

const { alias, answerWith, provider, send, startModelGate, startProvider } = fixture;
const { ANTHROPIC, OPENAI } = ProviderKind;

const seed = seedFromEnv();
const { scale } = testEnvironment();

type Target = { readonly provider: string; readonly model: string };
type World = {
  readonly providers: readonly { readonly name: string; readonly models: readonly string[] }[];
  readonly aliases: readonly { readonly name: string; readonly targets: readonly Target[] }[];
  readonly key: readonly string[];
  readonly team: readonly string[];
};

const providerNames = ["a1", "a2", "o1", "o2"];
// One that looks like a provider's model, and one that is an alias, too.
const models = ["m", "m-2", "a2/m", "fast"];
const aliasNames = ["fast", "smart"];
const prefixed = providerNames.flatMap((name) => models.map((one) => `${name}/${one}`));
const asks = [...new Set([...aliasNames, ...models, ...prefixed, "nobody", "a1/", "gone/m", "*", "a1/*"])];

const pattern = fc.constantFrom(
  ...["*", "*/*", "a1/*", "a*/m", "*/m*", "a1/m", "a2/a2/m", "*/a2/*", "o1/*", "o2/m-2", "o*/fast"],
  ...["fast", "f*", "smart", "gone/*"],
);
const target = fc.record({ provider: fc.constantFrom(...providerNames), model: fc.constantFrom(...models) });
const worlds: fc.Arbitrary<World> = fc.record({
  providers: fc
    .tuple(
      fc.subarray(providerNames, { minLength: 2 }),
      fc.array(fc.subarray(models, { minLength: 1 }), { minLength: 4, maxLength: 4 }),
    )
    .map(([names, served]) => names.map((name, index) => ({ name, models: served[index] ?? [] }))),
  aliases: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...aliasNames), targets: fc.array(target, { minLength: 1, maxLength: 2 }) }),
    { selector: ({ name }) => name },
  ),
  key: fc.array(pattern, { minLength: 1, maxLength: 4 }),
  team: fc.oneof(fc.constant([]), fc.array(pattern, { minLength: 1, maxLength: 3 })),
});

const isLike = (pattern: string, text: string) =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(text);

function isGranted(patterns: readonly string[], { provider, model }: Target): boolean {
  return patterns.some((pattern) => {
    const slash = pattern.indexOf("/");
    if (slash < 0) return pattern === "*";
    return isLike(pattern.slice(0, slash), provider) && isLike(pattern.slice(slash + 1), model);
  });
}

/** The key's grants and, where there are any, the team's. */
const levelsOf = ({ key, team }: World) => (team.length === 0 ? [key] : [key, team]);

const reaches = (world: World, target: Target) => levelsOf(world).every((level) => isGranted(level, target));

function reachesAlias(world: World, { name, targets }: World["aliases"][number]): boolean {
  const isThere = ({ provider }: Target) => world.providers.some((one) => one.name === provider);
  return levelsOf(world).every(
    (level) =>
      level.some((pattern) => !pattern.includes("/") && isLike(pattern, name)) ||
      targets.every((target) => isThere(target) && isGranted(level, target)),
  );
}

/** Without all that the key does not reach. */
function withoutHidden(world: World): World {
  const aliases = world.aliases.filter((one) => reachesAlias(world, one));
  const targets = aliases.flatMap((one) => one.targets);
  const isReached = (provider: string, model: string) =>
    reaches(world, { provider, model }) || targets.some((one) => one.provider === provider && one.model === model);
  const providers = world.providers
    .map(({ name, models }) => ({ name, models: models.filter((model) => isReached(name, model)) }))
    .filter(({ name, models }) => models.length > 0 || targets.some((one) => one.provider === name));
  return { ...world, aliases, providers };
}

type Told = {
  /** Each thing that was asked, and what was answered, without what is another each time. */
  readonly answers: readonly string[];
  /** Where each call arrived that did: at what provider, under what name. */
  readonly arrivals: readonly (Target & { readonly asked: string })[];
  readonly listed: { readonly anthropic: readonly string[]; readonly openai: readonly string[] };
};

const calls = [
  { door: "anthropic", path: "/anthropic/v1/messages" },
  { door: "anthropic", path: "/anthropic/v1/messages/count_tokens" },
  { door: "openai", path: "/openai/v1/chat/completions" },
  { door: "openai", path: "/openai/v1/embeddings" },
] as const;

async function startWorlds() {
  const upstream = started(await startProvider(({ response }) => answerWith(response, '{"input_tokens":1}')));
  const gate = await startModelGate([]);
  let position = 1n;

  function show(world: World): string {
    const agent = key([], { models: [...world.key] });
    const given = world.providers.map(({ name, models }) => {
      const [kind, base] = name.startsWith("a") ? [ANTHROPIC, ""] : [OPENAI, "/v1"];
      // No list would serve everything, and this one has nothing left that the key reaches.
      const served = models.length === 0 ? ["nothing"] : [...models];
      return { name, ...provider(name, `${upstream.url}/${name}${base}`, { kind, models: served }) };
    });
    const idOf = (name: string) => given.find((one) => one.name === name)?.id ?? "gone";
    const aliases = world.aliases.map(({ name, targets }) =>
      alias(
        name,
        targets.map(({ provider, model }) => ({ providerId: idOf(provider), model })),
      ),
    );
    const resources = [team({ models: [...world.team] }), agent.resource, ...aliases];
    gate.secrets(given.flatMap(({ secretValues }) => secretValues));
    gate.show(viewWith([...resources, ...given.flatMap((one) => one.resources)], ++position));
    return agent.text;
  }

  return async function tell(world: World): Promise<Told> {
    const headers = { "x-api-key": show(world) };
    const answers: string[] = [];
    const arrivals: (Target & { asked: string })[] = [];
    const ask = async (path: string, asked: string, body?: string) => {
      upstream.seen.length = 0;
      const answer = await send(gate, path, { headers, ...(body !== undefined && { body }) });
      const text = answer.text.replaceAll(/"request_id":"[^"]+"/g, "");
      answers.push(`${path} ${asked}: ${answer.status} ${String(answer.headers["x-tollgate-code"])} ${text}`);
      for (const { path: to, body: sent } of upstream.seen)
        arrivals.push({
          provider: to.split("/")[1] ?? "",
          model: String(at(JSON.parse(sent.toString()), "model")),
          asked,
        });
      return answer;
    };
    for (const model of asks) {
      for (const { path } of calls) await ask(path, model, JSON.stringify({ model, max_tokens: 1, messages: [] }));
      for (const door of ["anthropic", "openai"]) await ask(`/${door}/v1/models/${model}`, "");
    }
    const idsIn = ({ json }: fixture.RawAnswer) => {
      const data = at(json, "data");
      return (Array.isArray(data) ? data : []).map((one) => String(at(one, "id")));
    };
    const listed = {
      anthropic: idsIn(await ask("/anthropic/v1/models?limit=1000", "")),
      openai: idsIn(await ask("/openai/v1/models", "")),
    };
    return { answers, arrivals, listed };
  };
}

describe(`a key (seed ${seed})`, () => {
  test("is told the same with what it does not reach and without, can call what it is shown, and reaches what it was granted", async () => {
    const tell = await startWorlds();
    let [arrived, hidden, worldsSeen] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const told = await tell(world);
        expect(await tell(withoutHidden(world))).toEqual(told);
        for (const { asked, ...target } of told.arrivals) {
          const named = world.aliases.find(({ name }) => name === asked);
          const isByAlias =
            named !== undefined &&
            reachesAlias(world, named) &&
            named.targets.some(({ provider, model }) => provider === target.provider && model === target.model);
          expect(isByAlias || reaches(world, target), `${asked} arrived as ${JSON.stringify(target)}`).toBe(true);
        }
        for (const { door, path } of calls) {
          const ofPath = told.answers.filter((answer) => answer.startsWith(`${path} `));
          const statusOf = (asked: string) =>
            ofPath.find((one) => one.startsWith(`${path} ${asked}: `))?.split(": ")[1];
          for (const id of told.listed[door]) expect(statusOf(id)?.slice(0, 3), `${path} ${id}`).toBe("200");
          // Whatever was asked for, it is refused in the same words.
          const refused = ofPath.map((one) => one.slice(one.indexOf(": ") + 2)).filter((one) => !one.startsWith("200"));
          expect(new Set(refused.filter((one) => one.includes("model.unknown"))).size).toBeLessThan(2);
          expect(refused.every((one) => /^\d+ model\.(unknown|format-unsupported) /.test(one))).toBe(true);
          const callable = asks.filter((asked) => statusOf(asked)?.startsWith("200") === true);
          const isShown = (asked: string) =>
            told.listed[door].some((id) => id === asked || asked.endsWith(`/${id}`) || id.endsWith(`/${asked}`));
          expect(callable.filter((asked) => !isShown(asked))).toEqual([]);
        }
        arrived += told.arrivals.length;
        hidden += told.answers.length - told.arrivals.length;
        worldsSeen++;
      }),
      { seed, numRuns: 40 * scale },
    );
    console.log(`${worldsSeen} worlds, ${arrived} calls arrived, ${hidden} did not`);
    expect(arrived).toBeGreaterThan(100);
  });
});

describe(`a body (seed ${seed})`, () => {
  const decisive = ["model", "max_tokens", "stream", "n", "max_completion_tokens", "service_tier", "stream_options"];
  const spelled = fc.tuple(fc.constantFrom(...decisive), fc.nat(30), fc.nat(4)).map(([name, at, way]) => {
    const index = at % name.length;
    const letter = name.charAt(index);
    const as = [
      letter,
      `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
      letter.toUpperCase(),
      `\\u${letter.toUpperCase().charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`,
      // What some readers fold to the same.
      letter === "s" ? "\u017f" : letter === "k" ? "\u212a" : letter,
    ][way];
    return { name, text: `"${name.slice(0, index)}${as}${name.slice(index + 1)}"` };
  });

  test("in which what decides stands twice is sent to nobody, however its name is written and wherever it stands", async () => {
    const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
    const both = [
      provider("a", upstream.url),
      provider("o", `${upstream.url}/v1`, { kind: OPENAI, models: ["m", "other"] }),
    ];
    const gate = await startModelGate(both);
    const values: Record<string, readonly string[]> = { model: ['"m"', '"other"'], stream: ["true", "false"] };
    const others = fc.shuffledSubarray([
      '"messages":[{"model":"x","model":"y"}]',
      '"x":{"max_tokens":1}',
      '"user":"u"',
    ]);
    await fc.assert(
      fc.asyncProperty(spelled, others, fc.nat(20), fc.boolean(), async ({ name, text }, rest, place, isSame) => {
        const [first = "1", second = "100000"] = values[name] ?? ["1", "100000"];
        const members = [...(name === "model" ? [] : ['"model":"m"']), ...rest, `"${name}":${first}`];
        members.splice(place % (members.length + 1), 0, `${text}:${isSame ? first : second}`);
        for (const path of ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/openai/v1/responses"]) {
          const answer = await send(gate, path, { body: `{${members.join(",")}}` });
          expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([400, "model.duplicate-member"]);
        }
      }),
      { seed, numRuns: 300 * scale },
    );
    expect(upstream.seen).toEqual([]);
    expect(gate.intents).toEqual([]);
  });
});
