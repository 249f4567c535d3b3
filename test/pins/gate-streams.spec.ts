// What comes on the gate's streams, byte for byte: clients find their subscription by the id in `_meta`, resume by event ids, and
// take the end of a stream for a reason to open another, or for none.

import { expect, test } from "vitest";
import { legacyClient, openAsk } from "../../data-plane/proxy/src/fixtures/client-fixture.ts";
import { server, started, team, until, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { startUpstream } from "../../data-plane/proxy/src/fixtures/upstream-fixture.ts";
import { agent, openScene } from "./gate-scene.ts";

const notifications = { toolsListChanged: true, promptsListChanged: false, resourceSubscriptions: ["nobodys://uri"] };

test("what is served of a wish is acknowledged, changes are told under its id, and its end is said", async () => {
  const { gate, resources } = await openScene();
  const talk = await openAsk(gate, agent, "subscriptions/listen", { notifications }, { id: "L" });
  await talk.next("notifications/subscriptions/acknowledged");
  const more = started(await startUpstream({ offer: { tools: ["u"] } }));
  gate.show(viewWith([...resources, server("more", more.url)], 2n));
  await talk.next("notifications/tools/list_changed");
  gate.show(viewWith([team()], 3n));
  await until(talk.isClosed, "the stream to end with its key");
  expect(talk.status).toBe(200);
  expect(talk.headers).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  expect(talk.text()).toBe(
    [
      'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"L"},"notifications":{"toolsListChanged":true}}}\n\n',
      'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}}\n\n',
      'event: message\ndata: {"jsonrpc":"2.0","id":"L","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}}\n\n',
    ].join(""),
  );
});

test("a legacy client's stream begins with a place to come back to, and tells changes without more", async () => {
  const { gate, resources } = await openScene();
  const talk = await (await legacyClient(gate, agent)).listen();
  const more = started(await startUpstream({ offer: { tools: ["u"] } }));
  gate.show(viewWith([...resources, server("more", more.url)], 2n));
  await talk.next("notifications/tools/list_changed");
  expect(withoutLife(talk.text())).toBe(
    [
      "id: <life>.1-0\nretry: 1000\ndata: \n\n",
      'id: <life>.1-1\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n',
    ].join(""),
  );
});

test("a server's question reaches a legacy client on the stream of his call, under the gate's own id", async () => {
  const { gate } = await openScene();
  const client = await legacyClient(gate, agent, { capabilities: { elicitation: {} } });
  const talk = await client.open("tools/call", { name: "s__asks", arguments: {} });
  await talk.next("elicitation/create");
  expect(withoutLife(talk.text())).toBe(
    [
      "id: <life>.2-0\nretry: 1000\ndata: \n\n",
      'id: <life>.2-1\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}}\n\n',
    ].join(""),
  );
});

/** Ids of events begin with what a life of a session has drawn. */
function withoutLife(text: string): string {
  return text.replaceAll(/^id: [0-9a-f]{8}\./gm, "id: <life>.");
}
