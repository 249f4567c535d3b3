// What a request takes away of its key's reach, and what it is marked with, over HTTP at the doors: in worlds drawn at random a
// tool or model that is listed can be called and no other can, with every level and every header in force at once; no header
// of the gate's own reaches a server or provider; and facts say to whose account a call went, a refused one too.

import { PolicySchema, ProviderKind } from "@tollgate/schema/resources";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { testEnvironment } from "../../../../test/support/environment.ts";
import { seedFromEnv } from "../../../../test/support/random.ts";
import * as gates from "../fixtures/gate-fixture.ts";
import { answerWith, provider, send, startModelGate, startProvider } from "../fixtures/model-fixture.ts";
import { result, startUpstream } from "../fixtures/upstream-fixture.ts";

const { ask, at, customer, key, post, server, startGate, startSession, started, team, user, viewWith } = gates;

vi.setConfig({ testTimeout: 300_000 });
const seed = seedFromEnv();
const { scale } = testEnvironment();

const isLike = (pattern: string, text: string) => new RegExp(`^${pattern.replaceAll("*", "[^/]*")}$`).test(text);
const items = (header: string) => header.split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));

const toolPattern = fc.constantFrom("a/*", "b/*", "*/read", "a/read", "b/wr*", "*/*");
const modelPattern = fc.constantFrom("*", "p/*", "q/*", "*/m1", "q/m*", "p/m2");
/** Half of the levels say nothing. */
const says = (pattern: fc.Arbitrary<string>) =>
  fc.oneof(fc.constant<string[]>([]), fc.array(pattern, { minLength: 1, maxLength: 2 }));
const header = (item: fc.Arbitrary<string>) =>
  fc.option(
    fc.array(item, { maxLength: 2 }).map((list) => list.join(",")),
    { nil: undefined },
  );
const level = fc.record({ tools: says(toolPattern), models: says(modelPattern) });
const world = fc.record({
  ...{ customer: level, team: level, user: level },
  key: fc.record({ tools: fc.array(toolPattern, { maxLength: 3 }), models: fc.array(modelPattern, { maxLength: 3 }) }),
  tools: header(toolPattern),
  servers: header(fc.constantFrom("a", "b", "*")),
  models: header(modelPattern),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** Whether all that has a say about it lets it through. */
function isExpected(of: World, kind: "tools" | "models", name: string): boolean {
  const grants = (patterns: readonly string[]) => patterns.some((one) => one === "*" || isLike(one, name));
  const levels = [of.customer, of.team, of.user].map((one) => one[kind]).filter((patterns) => patterns.length > 0);
  const only = kind === "tools" && of.servers !== undefined ? [items(of.servers).map((one) => `${one}/*`)] : [];
  const said = of[kind] === undefined ? [] : [items(of[kind])];
  return [of.key[kind], ...levels, ...said, ...only].every(grants);
}

function headersOf({ tools, servers, models }: World): Record<string, string> {
  return {
    ...(tools === undefined ? {} : { "x-tollgate-tools": tools }),
    ...(servers === undefined ? {} : { "x-tollgate-servers": servers }),
    ...(models === undefined ? {} : { "x-tollgate-models": models }),
  };
}

function namesIn(json: unknown, path: readonly string[], member: string): string[] {
  const list = at(json, ...path);
  return (Array.isArray(list) ? list : []).map((one) => String(at(one, member))).sort();
}

let position = 1n;

/** The four levels of a world, as a gate is shown them. */
function levelsOf(of: World) {
  const [acme, alice] = [customer(of.customer), user(of.user)];
  const agent = key(of.key.tools, { userId: alice.id, models: of.key.models });
  return { agent, resources: [acme, alice, team({ ...of.team, customerId: acme.id }), agent.resource] };
}

describe(`what is listed can be called, and nothing else (seed ${seed})`, () => {
  test("at the door to tools, for clients of both eras", async () => {
    const offer = { tools: ["read", "write"] };
    const upstreams = await Promise.all(
      ["a", "b"].map(async (name) => {
        const upstream = started(
          await startUpstream({ era: "modern", offer, onRequest: (incoming) => result(incoming, { content: [] }) }),
        );
        return { upstream, resource: server(name, upstream.url) };
      }),
    );
    const servers = upstreams.map(({ resource }) => resource);
    const gate = started(await startGate(viewWith([team(), ...servers])));
    const all = ["a/read", "a/write", "b/read", "b/write"];
    let called = 0;
    await fc.assert(
      fc.asyncProperty(world, async (of) => {
        const { agent, resources } = levelsOf(of);
        gate.show(viewWith([...resources, ...servers], ++position));
        const expected = all.filter((name) => isExpected(of, "tools", name));
        const headers = headersOf(of);
        const named = expected.map((name) => name.replace("/", "__"));
        const modern = await ask(gate, agent.text, "tools/list", {}, { headers });
        expect(namesIn(modern.json, ["result", "tools"], "name")).toEqual(named);
        const session = { ...(await startSession(gate, agent)), ...headers };
        const say = (method: string, params: object = {}) =>
          post(`${gate.url}/mcp`, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), session);
        expect(namesIn((await say("tools/list")).json, ["result", "tools"], "name")).toEqual(named);
        for (const name of all) {
          const params = { name: name.replace("/", "__"), arguments: {} };
          for (const answer of [
            await ask(gate, agent.text, "tools/call", params, { headers }),
            await say("tools/call", params),
          ]) {
            const isCalled = answer.text.includes('"content"');
            expect(isCalled, `${name}: ${answer.text}`).toBe(expected.includes(name));
            called += isCalled ? 1 : 0;
          }
        }
      }),
      { seed, numRuns: 60 * scale },
    );
    expect(called).toBeGreaterThan(5);
    for (const { upstream } of upstreams)
      for (const { headers } of upstream.received)
        expect(Object.keys(headers).filter((name) => name.startsWith("x-tollgate"))).toEqual([]);
  });

  test("at a door to models", async () => {
    const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
    const kind = ProviderKind.OPENAI;
    const models = ["m1", "m2"];
    const providers = ["p", "q"].map((name) => provider(name, `${upstream.url}/${name}`, { kind, models }));
    const gate = await startModelGate(providers);
    const given = providers.flatMap(({ resources }) => resources);
    const all = ["p/m1", "p/m2", "q/m1", "q/m2"];
    let called = 0;
    await fc.assert(
      fc.asyncProperty(world, async (of) => {
        const { agent, resources } = levelsOf(of);
        gate.show(viewWith([...resources, ...given], ++position));
        const headers = { ...headersOf(of), "x-api-key": agent.text };
        const expected = all.filter((name) => isExpected(of, "models", name));
        const listed = namesIn((await send(gate, "/openai/v1/models", { headers })).json, ["data"], "id");
        // The first provider that has a model gives it its short name.
        const short = (name: string) => name.slice(2);
        const isFirst = (name: string) => expected.find((one) => short(one) === short(name)) === name;
        expect(listed).toEqual(expected.map((name) => (isFirst(name) ? short(name) : name)).sort());
        for (const model of all) {
          const body = JSON.stringify({ model, messages: [] });
          const { status } = await send(gate, "/openai/v1/chat/completions", { headers, body });
          expect(status, model).toBe(expected.includes(model) ? 200 : 404);
          called += status === 200 ? 1 : 0;
        }
      }),
      { seed, numRuns: 60 * scale },
    );
    expect(called).toBeGreaterThan(5);
    for (const { headers } of upstream.seen)
      expect(Object.keys(headers).filter((name) => name.startsWith("x-tollgate"))).toEqual([]);
  });
});

describe("what a request says of itself", () => {
  const acme = customer();
  const alice = user();
  const labels = [{ name: "project", values: ["apollo", "gemini-*"] }];
  const agent = key(["*/*"], { userId: alice.id, models: ["*"], labels });
  const account = { keyId: agent.id, teamId: gates.teamId, userId: alice.id, customerId: acme.id };
  const levels = [acme, alice, team({ customerId: acme.id }), agent.resource];
  const marked = { "x-tollgate-labels": "project=gemini-7" };
  let gate: gates.RunningGate;

  beforeAll(async () => {
    const upstream = await startUpstream({
      ...{ era: "modern", offer: { tools: ["t"] } },
      onRequest: (incoming) => result(incoming, { content: [] }),
    });
    gate = await startGate(viewWith([...levels, server("s", upstream.url)]));
    return async () => {
      await gate.stop();
      await upstream.stop();
    };
  });

  test("is in the intent and in the fact of a call to a tool, with whose it is", async () => {
    await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} }, { headers: marked });
    const said = { ...account, labels: ["project=gemini-7"] };
    expect(gate.intents.at(-1)).toMatchObject(said);
    expect(gate.facts.at(-1)).toMatchObject({ kind: { case: "toolCallCompleted", value: said } });
    await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} });
    expect(gate.facts.at(-1)).toMatchObject({ kind: { value: { ...account, labels: [] } } });
  });

  test("is in the fact of a refusal", async () => {
    await ask(
      gate,
      agent.text,
      "tools/call",
      { name: "s__absent" },
      { headers: { ...marked, "x-tollgate-tools": "" } },
    );
    expect(gate.facts.at(-1)).toMatchObject({
      kind: { case: "callRefused", value: { ...account, code: "mcp.tool-unknown", labels: ["project=gemini-7"] } },
    });
  });

  test("is what policies are asked of, with whose the key is", async () => {
    const match =
      "principal.user.name == 'alice' && principal.customer.name == 'acme' && " +
      "has(principal.labels.project) && principal.labels.project.startsWith('gemini-')";
    const kind = { case: "deny", value: { message: "No." } } as const;
    const rule = gates.resource("policy", PolicySchema, { id: gates.newId(), name: "rule", match, kind });
    const { models, one, body } = await modelGate();
    const seen = viewWith([...levels, server("s", "http://127.0.0.1:9"), ...one.resources, rule], ++position);
    for (const shown of [gate, models]) shown.show(seen);
    await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} }, { headers: marked });
    expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "policy.denied" });
    const headers = { "x-api-key": agent.text, ...marked };
    const refused = await send(models, "/openai/v1/chat/completions", { headers, body });
    expect(refused.headers).toMatchObject({ "x-tollgate-code": "policy.denied" });
    const other = { ...headers, "x-tollgate-labels": "project=apollo" };
    expect((await send(models, "/openai/v1/chat/completions", { headers: other, body })).status).toBe(200);
  });

  async function modelGate() {
    const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
    const one = provider("p", upstream.url, { kind: ProviderKind.OPENAI, models: ["m"] });
    return { one, models: await startModelGate([one]), body: JSON.stringify({ model: "m", messages: [] }) };
  }

  test("is in the intent and in the fact of a call to a model", async () => {
    const { models, one, body } = await modelGate();
    models.show(viewWith([...levels, ...one.resources], ++position));
    const headers = { "x-api-key": agent.text, ...marked };
    expect((await send(models, "/openai/v1/chat/completions", { headers, body })).status).toBe(200);
    const said = { ...account, labels: ["project=gemini-7"] };
    expect(models.intents).toMatchObject([said]);
    expect(models.facts).toMatchObject([{ kind: { case: "modelCallCompleted", value: said } }]);
  });

  test.each([
    [
      "x-tollgate-tools",
      "s/t,nonsense",
      400,
      "request.narrowing-invalid",
      "Item 2 of `x-tollgate-tools` is not of the form",
    ],
    ["x-tollgate-labels", "project", 400, "request.label-invalid", "Item 1 of `x-tollgate-labels` is not of the form"],
    ["x-tollgate-labels", "project=soyuz", 403, "request.label-refused", "It is the label `project`."],
    ["x-tollgate-models", "x".repeat(5_000), 413, "request.too-large", "at most 4096 characters"],
  ])("refuses the request where %s cannot be followed, and says why", async (name, value, status, code, detail) => {
    const answer = await ask(gate, agent.text, "tools/list", {}, { headers: { [name]: value } });
    expect([answer.status, at(answer.json, "error", "data", "code")]).toEqual([status, code]);
    expect(String(at(answer.json, "error", "message"))).toContain(detail);
    expect(answer.text).not.toMatch(/nonsense|soyuz|xxxx/);
    expect(gate.facts.at(-1)).toMatchObject({ kind: { case: "callRefused", value: { ...account, code } } });
  });
});
