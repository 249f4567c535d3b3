// A server gives its lists in pages, as long as it likes. What was left out of one could not be found by anybody who looks at
// lists, and what a tool list has beyond its bounds is not to be called either; a list of resources may be without end, and that
// must not take the server's tools away.

import { expect, test } from "vitest";
import * as fixture from "../../fixtures/gate-fixture.ts";
import { startUpstream } from "../../fixtures/upstream-fixture.ts";

const { ask, at, key, server, startGate, started, team, viewWith } = fixture;

const agent = key(["*/*"]);
const seven = (name: (index: number) => string) => Array.from({ length: 7 }, (_, index) => name(index));
const offer = {
  tools: seven((index) => `tool-${index}`),
  prompts: seven((index) => `prompt-${index}`),
  resources: seven((index) => `file:///${index}`),
  templates: seven((index) => `file:///${index}/{id}`),
};
const lists = [
  ["tools/list", "tools", "name"],
  ["prompts/list", "prompts", "name"],
  ["resources/list", "resources", "uri"],
  ["resources/templates/list", "resourceTemplates", "uriTemplate"],
] as const;

async function listedBy(url: string, settings: Record<string, string> = {}) {
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", url)]), settings));
  const named = async ([method, member, name]: (typeof lists)[number]): Promise<unknown[]> => {
    const items = at((await ask(gate, agent.text, method)).json, "result", member);
    return Array.isArray(items) ? items.map((item: object) => at(item, name)) : [];
  };
  return Promise.all(lists.map(named));
}

const whole = [
  offer.tools.map((name) => `s__${name}`),
  offer.prompts.map((name) => `s__${name}`),
  offer.resources,
  offer.templates,
];

for (const era of ["legacy", "modern"] as const) {
  test(`all pages of a ${era} server's lists are listed`, async () => {
    const { url } = started(await startUpstream({ era, offer, pageItems: 3 }));
    expect(await listedBy(url)).toEqual(whole);
  });

  test(`of a ${era} server's resources as many are listed as may be, and all else is there`, async () => {
    const resources = [...offer.resources, ...Array.from({ length: 500 }, (_, index) => `note:${index}`)];
    const { url } = started(await startUpstream({ era, offer: { ...offer, resources }, pageItems: 4 }));
    for (const [name, value, count] of [
      ["PAGES_MAX", "3", 12],
      ["TOOLS_MAX", "10", 10],
    ] as const) {
      const [tools, prompts, listed, templates] = await listedBy(url, { [`TOLLGATE_LIST_SERVER_${name}`]: value });
      expect(listed).toEqual(resources.slice(0, count));
      expect([tools, prompts, templates]).toEqual([whole[0], whole[1], whole[3]]);
    }
  });
}
