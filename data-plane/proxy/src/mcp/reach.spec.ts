// Who reaches what, over random grants: a key lists exactly what it may use, uses exactly what it lists, and cannot tell what is
// hidden from it from what does not exist. Whoever found a difference, in a status, a body or a list, could map the servers
// of others. The patterns are read here a second time, by regular expressions, so that an error in the gate's own reading shows.

import { ToolNaming } from "@tollgate/schema/resources";
import { expect, test, vi } from "vitest";
import { mcpRequest } from "../../../../test/support/mcp-request.ts";
import { seededRandom, seedFromEnv, type SeededRandom } from "../../../../test/support/random.ts";
import { legacyClient, openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";
import { exposedName, exposedPart, prefixedUri } from "./surface/names.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { at, group, key, post, server, startGate, startSession, started, team, viewWith } = fixture;

const seed = seedFromEnv();
const keysTried = 12;
const endpointsTried = 3;

type Kind = "tool" | "prompt" | "resource";
type List = { member: string; method: string; kind: Kind; of: keyof Offered };
type Offered = { tools: string[]; prompts: string[]; resources: string[]; templates: string[] };
type Peer = { name: string; offered: Offered };
type Group = { id: string; name: string; tools: string[]; naming: ToolNaming };
type Endpoint = { path: string; group: Group | undefined };
/** Each set of patterns has to allow it. */
type Allowed = (kind: Kind, server: string, name: string) => boolean;

const lists: readonly List[] = [
  { method: "tools/list", member: "tools", kind: "tool", of: "tools" },
  { method: "prompts/list", member: "prompts", kind: "prompt", of: "prompts" },
  { method: "resources/list", member: "resources", kind: "resource", of: "resources" },
  { method: "resources/templates/list", member: "resourceTemplates", kind: "resource", of: "templates" },
];

const names = ["alpha", "a.b", "beta-2", "gamma_x"];
const toolNames = ["read", "read.file", "write", "a/b", "deep/a/b", "x".repeat(60), "read_0123abcd"];

function peersOf(random: SeededRandom): Peer[] {
  return names.map((name) => ({
    name,
    offered: {
      tools: toolNames.filter(() => random.chance(0.6)),
      prompts: ["greet", "greet-again", "ask"].filter(() => random.chance(0.6)),
      resources: [`file:///${name}/1`, `file:///${name}/2`, `own-${name.length}://x`, "file:///shared"].filter(() =>
        random.chance(0.7),
      ),
      templates: [`file:///${name}/t/{id}`, "shared://{id}"].filter(() => random.chance(0.7)),
    },
  }));
}

function patternsOf(random: SeededRandom): string[] {
  const name = (): string => random.pick([...names, "*", "al*", "*a*", "absent"]);
  const pattern = (): string =>
    random.pick([
      () => `${name()}/*`,
      () => `${name()}/${random.pick([...toolNames, "re*", "*/b", "*e*"])}`,
      () => `prompt:${name()}/${random.pick(["greet", "greet*", "*"])}`,
      () =>
        `resource:${name()}/${random.pick(["file:///*", `file:///${random.pick(names)}/1`, "*x", "shared://*", "*"])}`,
    ])();
  return Array.from({ length: 1 + random.int(4) }, pattern);
}

function matcher(pattern: string): { kinds: readonly Kind[]; server: RegExp; name: RegExp } {
  const [, prefix, server = "", name = ""] = /^(prompt:|resource:)?([^/]*)\/(.*)$/.exec(pattern) ?? [];
  const kind: Kind = prefix === "prompt:" ? "prompt" : prefix === "resource:" ? "resource" : "tool";
  const glob = (text: string, star: string): RegExp =>
    new RegExp(`^${text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", star)}$`, "s");
  if (name === "*")
    return { kinds: kind === "tool" ? ["tool", "prompt", "resource"] : [kind], server: glob(server, ".*"), name: /^/ };
  return { kinds: [kind], server: glob(server, ".*"), name: glob(name, kind === "resource" ? ".*" : "[^/]*") };
}

function allowedBy(sets: readonly (readonly string[])[]): { allows: Allowed; mayReach(server: string): boolean } {
  const all = sets.map((set) => set.map(matcher));
  const each = (fits: (one: ReturnType<typeof matcher>) => boolean): boolean => all.every((set) => set.some(fits));
  return {
    allows: (kind, of, name) => each((one) => one.kinds.includes(kind) && one.server.test(of) && one.name.test(name)),
    mayReach: (of) =>
      (["tool", "prompt", "resource"] as const).some((kind) =>
        each((one) => one.kinds.includes(kind) && one.server.test(of)),
      ),
  };
}

/**
 * What each thing that some server of the endpoint lists is called there by a key, or would be if that reached it; undefined
 * where the clash of two that it reaches hides it.
 */
function surfaceOf(
  peers: readonly Peer[],
  { group: of }: Endpoint,
  grant: ReturnType<typeof allowedBy>,
): { list: List; peer: Peer; own: string; shown: string | undefined }[] {
  const here = of === undefined ? peers : peers.filter(({ name }) => allowedBy([of.tools]).mayReach(name));
  const isOne = here.filter(({ name }) => grant.mayReach(name)).length === 1;
  const isPlain = of !== undefined && (of.naming === ToolNaming.NONE || (of.naming === ToolNaming.AUTO && isOne));
  return lists.flatMap((list) => {
    const named = here.flatMap((peer) =>
      peer.offered[list.of].map((own) => {
        const plain = list.kind === "resource" ? own : isPlain ? exposedPart(own) : exposedName(peer.name, own);
        return { list, peer, own, plain };
      }),
    );
    // What is hidden takes no name away.
    const counts = ({ peer, own }: (typeof named)[number]): boolean => grant.allows(list.kind, peer.name, own);
    return named.map((thing) => {
      const { plain, ...rest } = thing;
      const isAlone = !counts(thing) || named.filter((other) => other.plain === plain && counts(other)).length === 1;
      const apart = list.kind === "resource" ? prefixedUri(thing.peer.name, thing.own) : undefined;
      return { ...rest, shown: isAlone ? plain : apart };
    });
  });
}

function answer(name: string, incoming: Incoming): void {
  const { params } = incoming;
  const { name: asked = params["uri"] ?? JSON.stringify(params["ref"]) } = params;
  result(incoming, { resultType: "complete", server: name, asked });
}

type Client = (path: string, method: string, params: object) => Promise<fixture.Answer>;

async function clientOf(gate: { url: string }, agent: { text: string }, era: "legacy" | "modern"): Promise<Client> {
  if (era === "legacy") {
    const session = await startSession(gate, agent);
    return (path, method, params) =>
      post(gate.url + path, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), session);
  }
  return (path, method, params) => {
    const { headers, body } = mcpRequest(method, params);
    return post(gate.url + path, body, { ...headers, authorization: `Bearer ${agent.text}` });
  };
}

const outcome = ({ status, text }: fixture.Answer) => ({ status, text });
const strangers = { tool: "nowhere__x", prompt: "nowhere__x", resource: "nowhere://x" };

/** How a thing is used; and how one uses it without its being there. */
function usesOf({ kind, of }: List): { method: string; paramsFor(name: string): object }[] {
  const ref = (name: string): object =>
    kind === "prompt" ? { type: "ref/prompt", name } : { type: "ref/resource", uri: name };
  const complete = {
    method: "completion/complete",
    paramsFor: (name: string) => ({ ref: ref(name), argument: { name: "a", value: "" } }),
  };
  if (kind === "tool") return [{ method: "tools/call", paramsFor: (name) => ({ name, arguments: {} }) }];
  if (kind === "prompt") return [{ method: "prompts/get", paramsFor: (name) => ({ name }) }, complete];
  return of === "templates" ? [complete] : [{ method: "resources/read", paramsFor: (uri) => ({ uri }) }];
}

/** Of what, by its own name there, a server was asked for something. */
function nameAsked(used: fixture.Answer): string {
  const asked = String(at(used.json, "result", "asked"));
  if (!asked.startsWith("{")) return asked;
  const ref: { name?: unknown; uri?: unknown } = Object(JSON.parse(asked));
  return String(ref.name ?? ref.uri);
}

test(
  `a key lists and uses exactly what it may, in both eras and at every endpoint (seed ${seed})`,
  { timeout: 60_000 },
  async () => {
    const random = seededRandom(seed);
    const peers = peersOf(random);
    const upstreams = await Promise.all(
      peers.map(async ({ name, offered }, index) => {
        const era = index % 2 === 0 ? "legacy" : "modern";
        return started(await startUpstream({ era, offer: offered, onRequest: (incoming) => answer(name, incoming) }));
      }),
    );
    const groups = [ToolNaming.ALWAYS, ToolNaming.NONE, ToolNaming.AUTO, ToolNaming.AUTO].map((naming, index) => {
      const tools = patternsOf(random);
      const name = `group-${index}`;
      const resource = group(name, { tools, naming });
      return { id: resource.id, name, tools, naming, resource };
    });
    const bounds = random.chance(0.5) ? { tools: ["*a*/*", "prompt:*/greet*"] } : {};
    const agents = Array.from({ length: keysTried }, () => {
      const member = groups.filter(() => random.chance(0.2));
      const tools = patternsOf(random);
      const agent = key(tools, { toolGroupIds: member.map(({ id }) => id) });
      const own = [...tools, ...member.flatMap((of) => of.tools)];
      return { ...agent, sets: [own, ...(bounds.tools === undefined ? [] : [bounds.tools])] };
    });
    const nobody = key(["absent/*"]);
    const resources = peers.map(({ name }, index) => server(name, upstreams[index]?.url ?? ""));
    const gate = started(
      await startGate(
        viewWith([
          ...[team(bounds), nobody.resource],
          ...agents.map(({ resource }) => resource),
          ...groups.map(({ resource }) => resource),
          ...resources,
        ]),
      ),
    );
    const endpoints: Endpoint[] = [
      { path: "/mcp", group: undefined },
      ...groups.map((of) => ({ path: `/mcp/${of.name}`, group: of })),
    ];
    const seen = { used: 0, hidden: 0, elsewhere: 0 };
    for (const agent of agents)
      for (const endpoint of random.shuffle(endpoints).slice(0, endpointsTried)) {
        const era = random.pick(["legacy", "modern"] as const);
        const about = `${era} ${endpoint.path} ${JSON.stringify(agent.sets)} ${JSON.stringify(endpoint.group)}`;
        const client = await clientOf(gate, agent, era);
        const stranger = await clientOf(gate, nobody, era);
        const grant = allowedBy([...agent.sets, ...(endpoint.group === undefined ? [] : [endpoint.group.tools])]);
        if (endpoint.group !== undefined && !names.some(grant.mayReach)) {
          const hidden = await client(endpoint.path, "tools/list", {});
          expect(outcome(hidden), about).toEqual(outcome(await stranger("/mcp/no-such-group", "tools/list", {})));
          expect(hidden.status, about).toBe(404);
          continue;
        }
        const surface = surfaceOf(peers, endpoint, grant);
        for (const list of lists) {
          const mine = surface.filter((thing) => thing.list === list);
          const listed = at((await client(endpoint.path, list.method, {})).json, "result", list.member);
          const shown = (Array.isArray(listed) ? listed : []).map((item: object) => at(item, listedAs[list.of]));
          const expected = mine.filter(
            ({ peer, own, shown: name }) => name !== undefined && grant.allows(list.kind, peer.name, own),
          );
          expect(new Set(shown), `${list.method} ${about}`).toEqual(new Set(expected.map(({ shown: name }) => name)));
          expect(shown.length, about).toBe(expected.length);
          for (const { method, paramsFor } of usesOf(list)) {
            const unknown = outcome(await stranger("/mcp", method, paramsFor(strangers[list.kind])));
            for (const { peer, own, shown: name } of mine) {
              if (name === undefined) continue;
              const used = await client(endpoint.path, method, paramsFor(name));
              const by = at(used.json, "result", "server");
              const what = `${method} ${name} ${about}`;
              if (grant.allows(list.kind, peer.name, own)) {
                seen.used++;
                const asked = method === "completion/complete" ? JSON.stringify(refOf(list, own)) : own;
                expect([by, at(used.json, "result", "asked")], what).toEqual([peer.name, asked]);
              } else if (typeof by !== "string") {
                seen.hidden++;
                expect(outcome(used), what).toEqual(unknown);
              } else {
                // What is hidden here may be there, unlisted, at a server where the key may look for it, by the name that was sent.
                seen.elsewhere++;
                expect(grant.allows(list.kind, by, nameAsked(used)), what).toBe(true);
              }
            }
          }
        }
      }
    console.log("things that were", seen);
    expect(seen.used + seen.hidden).toBeGreaterThan(100);
  },
);

test("what only a hidden server lists is looked for where the key may look, as if nobody listed it", async () => {
  const uri = "file:///reports/2026";
  const offers = [{ resources: [uri] }, { resources: [], templates: ["file:///reports/{year}"] }];
  const [hidden, own] = await Promise.all(
    offers.map(async (offer, index) =>
      started(
        await startUpstream({ offer, onRequest: (incoming) => answer(["hidden", "own"][index] ?? "", incoming) }),
      ),
    ),
  );
  const agent = key(["own/*"]);
  const resources = [team(), agent.resource, server("own", own?.url ?? "")];
  const read = async (view: ReturnType<typeof viewWith>) => {
    const gate = started(await startGate(view));
    return outcome(await (await clientOf(gate, agent, "modern"))("/mcp", "resources/read", { uri }));
  };
  const without = await read(viewWith(resources));
  expect(at(JSON.parse(without.text), "result", "server")).toBe("own");
  expect(await read(viewWith([...resources, server("hidden", hidden?.url ?? "")]))).toEqual(without);
});

test("what a hidden server says of itself, and that it is there, is told to nobody", async () => {
  const [hidden, own] = await Promise.all(
    ["hidden", "own"].map(async (name) =>
      started(await startUpstream({ offer: { tools: ["t"] }, instructions: `I am ${name}.` })),
    ),
  );
  const agent = key(["own/*"]);
  const resources = [team(), agent.resource, server("own", own?.url ?? "")];
  const introduced = async (view: ReturnType<typeof viewWith>) => {
    const gate = started(await startGate(view));
    const client = await clientOf(gate, agent, "modern");
    await client("/mcp", "tools/list", {}); // Waits until the servers are known.
    return client("/mcp", "server/discover", {});
  };
  const without = await introduced(viewWith(resources));
  expect(at(without.json, "result", "instructions")).toBe("I am own.");
  expect((await introduced(viewWith([...resources, server("hidden", hidden?.url ?? "")]))).text).toBe(without.text);
});

test("a hidden tool that wants to see its arguments in headers is refused like one that does not exist", async () => {
  const inputSchema = { type: "object", properties: { where: { type: "string", "x-mcp-header": "Where" } } };
  const offer = { tools: ["open", { name: "marked", inputSchema }] };
  const upstream = started(await startUpstream({ era: "modern", offer }));
  const agent = key(["s/open"]);
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  const client = await clientOf(gate, agent, "modern");
  const called = async (name: string) =>
    outcome(await client("/mcp", "tools/call", { name, arguments: { where: "here" } }));
  expect(await called("s__marked")).toEqual(await called("s__absent"));
});

for (const serverEra of ["legacy", "modern"] as const)
  test(`news of a resource tell nothing of one that the key does not reach (${serverEra} server)`, async () => {
    const uri = "file:///a";
    const upstream = started(
      await startUpstream({
        era: serverEra,
        offer: { resources: [uri] },
        onRequest: (incoming) => result(incoming, {}),
      }),
    );
    const agent = key([`resource:s/${uri}`, "resource:s/file:///a/*"]);
    const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
    const modern = await openAsk(gate, agent, "subscriptions/listen", {
      notifications: { resourceSubscriptions: [uri] },
    });
    const legacy = await legacyClient(gate, agent);
    const general = await legacy.listen();
    expect(at((await legacy.ask("resources/subscribe", { uri })).json, "result")).toEqual({});
    const listens = () => upstream.count("subscriptions/listen") + upstream.count("resources/subscribe");
    await fixture.until(() => listens() >= 2 && upstream.streams.size >= 2, "both subscriptions");
    const heard = async (told: string) => {
      for (const about of ["file:///ab", "file:///a/../b", "file:///a-secret", told])
        upstream.tell("notifications/resources/updated", { uri: about });
      const next = await Promise.all([modern, general].map((stream) => stream.next("notifications/resources/updated")));
      expect(next.map((message) => at(message, "params", "uri"))).toEqual([told, told]);
    };
    await heard(uri);
    await heard("file:///a/part");
  });

test("news of a resource end for a key that reaches it no more, and its stream stays", async () => {
  const uris = ["file:///a", "file:///b"];
  const upstream = started(
    await startUpstream({ offer: { resources: uris }, onRequest: (incoming) => result(incoming, {}) }),
  );
  const of = server("s", upstream.url);
  const agent = key(uris.map((uri) => `resource:s/${uri}`));
  const gate = started(await startGate(viewWith([team(), agent.resource, of])));
  const notifications = { resourceSubscriptions: uris };
  const modern = await openAsk(gate, agent, "subscriptions/listen", { notifications });
  const legacy = await legacyClient(gate, agent);
  const general = await legacy.listen();
  for (const uri of uris) await legacy.ask("resources/subscribe", { uri });
  await fixture.until(() => upstream.count("resources/subscribe") >= 4 && upstream.streams.size === 3, "subscriptions");
  gate.show(viewWith([team(), agent.withTools(["resource:s/file:///b"]), of], 2n));
  const isNarrow = async () => at((await legacy.ask("resources/list")).json, "result", "resources", 1) === undefined;
  await fixture.until(isNarrow, "the policy to be in force");
  for (const uri of uris) upstream.tell("notifications/resources/updated", { uri });
  for (const stream of [modern, general]) {
    const heard = await stream.next("notifications/resources/updated");
    expect(at(heard, "params", "uri")).toBe("file:///b");
  }
});

const listedAs = { tools: "name", prompts: "name", resources: "uri", templates: "uriTemplate" };

function refOf({ kind }: List, own: string): object {
  return kind === "prompt" ? { type: "ref/prompt", name: own } : { type: "ref/resource", uri: own };
}
