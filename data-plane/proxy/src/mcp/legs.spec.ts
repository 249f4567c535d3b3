// Several requests of a client that wait for one call: he came again because he thought the former one lost. Each is written
// down, and as long as one of them is there the call goes on for that one.

import { expect, test } from "vitest";
import { openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { beginEvents, event, startUpstream } from "../fixtures/upstream-fixture.ts";

const { ask, at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const capabilities = { elicitation: {} };
const tool = { name: "s__t", arguments: { a: 1 } };

test("of those who wait for the same, whoever has gone is written down, and whoever is there goes on", async () => {
  const { promise, resolve: finish } = Promise.withResolvers<void>();
  const upstream = started(
    await startUpstream({
      offer: { tools: ["t"] },
      onRequest(incoming) {
        event(beginEvents(incoming.response), { id: "who", method: "elicitation/create", params: { message: "Who?" } });
        void promise.then(() => event(incoming.response, { id: incoming.id, result: { content: [] } }));
      },
    }),
  );
  const view = viewWith([team(), agent.resource, server("s", upstream.url)]);
  const gate = started(await startGate(view));
  const parked = await ask(gate, agent.text, "tools/call", tool, { capabilities });
  const requestState = at(parked.json, "result", "requestState");
  const params = { ...tool, requestState, inputResponses: { who: { action: "accept" } } };
  const clients = [new AbortController(), new AbortController(), new AbortController()];
  const legs = [];
  for (const [index, { signal }] of clients.entries()) {
    legs.push(openAsk(gate, agent, "tools/call", params, { id: index, capabilities, signal }));
    await until(() => gate.intents.length === index + 2, "the leg to be written down");
  }
  legs.forEach((leg) => leg.catch(() => undefined));
  clients[1]?.abort();
  await new Promise((resolve) => setImmediate(resolve));
  clients[0]?.abort();
  const completed = () => gate.facts.filter(({ kind }) => kind.case === "toolCallCompleted").length;
  await until(() => completed() === 3, "those who have gone to be written down");
  finish();
  expect(at(await (await legs[2])?.response(2), "result", "content")).toEqual([]);
  expect(completed()).toBe(gate.intents.length);
});
