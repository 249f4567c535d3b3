// Names tell nothing of what is hidden. Whatever a key sees, and whatever it is answered, has to be the same to the byte whether
// or not there is a server, or a tool at a server, that it does not reach: a prefix that comes, or a tool that goes, because of
// another's would tell that the other is there, and would take from the key what it was granted.

import { ToolNaming } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { result, startUpstream, type Conducted, type Incoming, type Offer } from "../fixtures/upstream-fixture.ts";
import { exposedServer } from "./surface/names.ts";

const { group, key, server, startGate, started, team, viewWith } = fixture;

const uri = "file:///shared";
const template = "shared://{id}";
const whole: Partial<Offer> = {
  tools: ["read", "only"],
  prompts: ["greet"],
  resources: [uri],
  templates: [template],
};

function upstreamOf(name: string, offer: Partial<Offer>, ttlMs: number): Promise<Conducted> {
  return startUpstream({
    ...{ era: "modern", offer, ttlMs },
    onRequest: (incoming: Incoming) =>
      result(incoming, {
        ...{ resultType: "complete", by: name, asked: incoming.params["name"] ?? incoming.params["uri"] },
        content: [{ type: "resource_link", name: "n", uri }],
      }),
  });
}

type Setting = {
  patterns: readonly string[];
  naming: ToolNaming;
  path: string;
  /** What there is beside `own`; undefined for nothing. */
  other: Partial<Offer> | undefined;
  otherName?: string;
  ownName?: string;
};

/** Everything that a key is told at an endpoint, in both lists and uses, as text. */
async function toldOf({ patterns, naming, path, other, otherName = "other", ownName = "own" }: Setting) {
  const own = started(await upstreamOf("own", whole, 60_000));
  const agent = key(patterns);
  const servers = [server(ownName, own.url)];
  if (other !== undefined) servers.push(server(otherName, started(await upstreamOf("other", other, 1_000)).url));
  const gate = started(await startGate(viewWith([team(), agent.resource, group("g", { naming }), ...servers])));
  const told: string[] = [];
  const say = async (method: string, params: object = {}) => {
    const answer = await openAsk(gate, agent, method, params, { path, capabilities: {} });
    told.push(`${method} ${JSON.stringify(params)} ${answer.status} ${JSON.stringify(await answer.response())}`);
  };
  await say("server/discover");
  for (const method of ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]) await say(method);
  for (const name of ["read", "only", "own__read", "other__read", "absent", `${ownName}__read`])
    for (const method of ["tools/call", "prompts/get"]) await say(method, { name });
  for (const asked of [uri, "shared://1", "other://1"]) {
    await say("resources/read", { uri: asked });
    for (const name of ["own", "other"]) await say("resources/read", { uri: `tollgate-server://${name}/${asked}` });
  }
  return told;
}

const namings = [ToolNaming.NONE, ToolNaming.AUTO, ToolNaming.ALWAYS];
const endpoints = [{ path: "/mcp", naming: ToolNaming.AUTO }, ...namings.map((naming) => ({ path: "/mcp/g", naming }))];
const about = ({ path, naming }: { path: string; naming: ToolNaming }) => `${path} ${ToolNaming[naming]}`;

test.each(endpoints.map((endpoint) => [about(endpoint), endpoint] as const))(
  "what is told at %s is the same with a server that the key does not reach, and without",
  async (_name, endpoint) => {
    const setting = { ...endpoint, patterns: ["own/*"] };
    const without = await toldOf({ ...setting, other: undefined });
    expect(without.filter((text) => text.includes('"by":"own"')).length).toBeGreaterThan(3);
    expect(await toldOf({ ...setting, other: whole })).toEqual(without);
  },
);

test.each(endpoints.map((endpoint) => [about(endpoint), endpoint] as const))(
  "what is told at %s is the same with things that the key does not reach at a server that it reaches, and without",
  async (_name, endpoint) => {
    const setting = { ...endpoint, patterns: ["own/*", "other/extra", "resource:other/file:///extra"] };
    const extra = { tools: ["extra"], resources: ["file:///extra"] };
    const hidden = { ...whole, tools: ["read", "extra"], resources: [uri, "file:///extra"] };
    const without = await toldOf({ ...setting, other: extra });
    expect(await toldOf({ ...setting, other: hidden })).toEqual(without);
  },
);

test("a hidden server that is called like another's prefix takes nothing away", async () => {
  const names = { ownName: "dotted.name", otherName: exposedServer("dotted.name") };
  const setting = { path: "/mcp", naming: ToolNaming.ALWAYS, patterns: ["dotted.name/*"], ...names };
  const without = await toldOf({ ...setting, other: undefined });
  expect(await toldOf({ ...setting, other: whole })).toEqual(without);
});
