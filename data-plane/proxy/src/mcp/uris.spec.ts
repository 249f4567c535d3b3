// Two servers with one URI: clients know each by another, and whatever such a server names in its results has to lead back to
// it. Were a link to come through as the server wrote it, following it would read another server's resource, or none.

import { expect, test } from "vitest";
import { legacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

const { ask, at, key, server, startGate, started, team, viewWith } = fixture;

const agent = key(["*/*"]);
const shared = "file:///shared";
const page = "https://example.test/page";
const odd = { type: "resource_link", uri: 7 };

function answer(name: string, incoming: Incoming): void {
  const own = `file:///${name}`;
  const link = (uri: string) => ({ type: "resource_link", uri, name: "n" });
  if (incoming.method === "resources/read")
    return result(incoming, { contents: [{ uri: incoming.params["uri"], text: `${name}'s` }] });
  if (incoming.method === "prompts/get")
    return result(incoming, {
      messages: [{ role: "user", content: { type: "resource", resource: { uri: shared, text: "t" } } }],
    });
  result(incoming, {
    content: [link(shared), link(own), link("note:unlisted"), link(page), odd, { type: "text", text: shared }],
    structuredContent: { uri: shared },
  });
}

test.each(["legacy", "modern"] as const)("a %s client can follow every link that a server names", async (era) => {
  const names = ["a", "b"];
  const upstreams = await Promise.all(
    names.map(async (name) => {
      const offer = { tools: ["t"], prompts: ["p"], resources: [shared, `file:///${name}`] };
      return started(await startUpstream({ offer, onRequest: (incoming) => answer(name, incoming) }));
    }),
  );
  const servers = upstreams.map(({ url }, index) => server(names[index] ?? "", url));
  const gate = started(await startGate(viewWith([team(), agent.resource, ...servers])));
  const legacy = era === "legacy" ? await legacyClient(gate, agent) : undefined;
  const resultOf = async (method: string, params: object) => {
    const { json } =
      legacy === undefined ? await ask(gate, agent.text, method, params) : await legacy.ask(method, params);
    return at(json, "result");
  };
  for (const name of names) {
    const known = (uri: string) => `tollgate-server://${name}/${uri}`;
    const called = await resultOf("tools/call", { name: `${name}__t` });
    const links = [0, 1, 2, 3, 4].map((index) => at(called, "content", index, "uri"));
    expect(links).toEqual([known(shared), `file:///${name}`, known("note:unlisted"), page, odd.uri]);
    // What is no link is the server's own text.
    expect(at(called, "content", 5, "text")).toBe(shared);
    expect(at(called, "structuredContent", "uri")).toBe(shared);
    for (const uri of links.slice(0, 3))
      expect(at(await resultOf("resources/read", { uri }), "contents", 0)).toEqual({ uri, text: `${name}'s` });
    const prompt = await resultOf("prompts/get", { name: `${name}__p` });
    expect(at(prompt, "messages", 0, "content", "resource", "uri")).toBe(known(shared));
  }
});
