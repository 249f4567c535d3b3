// Clients of the legacy era at servers of it: each session of a client has one of its own at the server, and everything that the
// two say beside requests and results has to find the other one: questions on every stream, what is given up, streams that were
// lost, subscriptions. Were one of them confused with another's, a user would answer for somebody else.

import { ServerIsolation } from "@tollgate/schema/resources";
import { expect, test, vi } from "vitest";
import { askingServer, elicit } from "../fixtures/asking-server.ts";
import { legacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { beginEvents, event, failure, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const all = { elicitation: {}, sampling: {}, roots: {} };
const accepted = (text: string) => ({ action: "accept", content: { text } });

async function gateOver(upstream: { url: string }) {
  const view = viewWith([team(), agent.resource, server("s", upstream.url, { timeoutSeconds: 3 })]);
  return started(await startGate(view));
}

test("is asked on the stream of its request, and its errors go on as it wrote them", async () => {
  const upstream = await askingServer([[elicit("who"), elicit(7)]]);
  const gate = await gateOver(upstream);
  const client = await legacyClient(gate, agent, { capabilities: all });
  const called = await client.open("tools/call", { name: "s__t" });
  const asked = [await called.next("elicitation/create"), await called.next("elicitation/create")];
  await client.say({ id: at(asked[0], "id"), result: accepted("me") });
  // Some clients write the id of a request as a text.
  await client.say({ id: String(at(asked[1], "id")), error: { code: -7, message: "No.", data: [1] } });
  expect(at(await called.response(), "result", "run")).toBe(1);
  expect(at(upstream.answers.get("who"), "result")).toEqual(accepted("me"));
  expect(at(upstream.answers.get(7), "error")).toEqual({ code: -7, message: "No.", data: [1] });
});

test("a server's question on the session's own stream reaches the client in the middle of a call", async () => {
  const upstream = await askingServer([[elicit("who")]], "session");
  const gate = await gateOver(upstream);
  const client = await legacyClient(gate, agent, { capabilities: all });
  const general = await client.listen();
  const called = client.ask("tools/call", { name: "s__t" });
  await until(() => general.messages.length > 0 || upstream.runs.length > 0, "the call");
  const asked = await Promise.race([general.next("elicitation/create"), called]);
  if (at(asked, "method") === "elicitation/create") await client.say({ id: at(asked, "id"), result: accepted("me") });
  expect(at((await called).json, "result", "run")).toBe(1);
});

test("a server that asks whether anybody is there hears so, on every stream", async () => {
  const upstream = await askingServer([[{ id: "alive", method: "ping" }]], "session");
  const gate = await gateOver(upstream);
  const client = await legacyClient(gate, agent, { capabilities: all });
  expect(at((await client.ask("tools/call", { name: "s__t" })).json, "result", "run")).toBe(1);
  expect(at(upstream.answers.get("alive"), "result")).toEqual({});
});

test("giving up tells the server, and what it says afterwards is not heard", async () => {
  const upstream = await askingServer([[elicit("who")]]);
  const gate = await gateOver(upstream);
  const client = await legacyClient(gate, agent, { capabilities: all });
  const called = await client.open("tools/call", { name: "s__t" }, "x");
  await called.next("elicitation/create");
  await client.say({ method: "notifications/cancelled", params: { requestId: "x", reason: "no more" } });
  await until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
  const cancelled = upstream.received.find(({ method }) => method === "notifications/cancelled");
  expect(cancelled?.params["requestId"]).toBe(upstream.runs[0]?.id);
  await until(() => called.isClosed(), "the end of its stream");
  // Who takes the stream up again hears that nothing comes any more.
  const again = await client.listen(called.eventIds.at(-1));
  await until(() => again.isClosed(), "the end of the stream that was taken up");
  expect(again.messages).toEqual([]);
});

test("subscriptions are counted, told of, and refused in the server's words", async () => {
  const uri = "file:///a";
  let isSlow = true;
  const waiting: Incoming[] = [];
  const upstream = started(
    await startUpstream({
      offer: { resources: [uri, "file:///b"] },
      onRequest(incoming) {
        if (incoming.params["uri"] !== uri) return failure(incoming, -32002, "There is no b.");
        if (isSlow) waiting.push(incoming);
        else result(incoming, {});
      },
    }),
  );
  const shared = server("s", upstream.url, { isolation: ServerIsolation.PRINCIPAL });
  const gate = started(await startGate(viewWith([team(), agent.resource, shared])));
  const clients = [await legacyClient(gate, agent), await legacyClient(gate, agent)];
  const streams = await Promise.all(clients.map((client) => client.listen()));
  const subscribed = Promise.all(clients.map((client) => client.ask("resources/subscribe", { uri })));
  await until(() => waiting.length > 0, "the subscription");
  await clients[0]?.ask("ping");
  isSlow = false;
  for (const one of waiting) result(one, {});
  expect((await subscribed).map(({ json }) => at(json, "result"))).toEqual([{}, {}]);
  await clients[0]?.ask("resources/unsubscribe", { uri });
  upstream.tell("notifications/resources/updated", { uri });
  expect(at(await streams[1]?.next("notifications/resources/updated"), "params", "uri")).toBe(uri);
  expect([upstream.count("resources/subscribe"), upstream.count("resources/unsubscribe")]).toEqual([1, 0]);
  await clients[1]?.ask("resources/unsubscribe", { uri });
  await until(() => upstream.count("resources/unsubscribe") === 1, "the server to be told");
  const refused = await clients[0]?.ask("resources/subscribe", { uri: "file:///b" }, 9);
  expect(refused?.json).toEqual({ jsonrpc: "2.0", id: 9, error: { code: -32002, message: "There is no b." } });
  expect(streams[0]?.messages).toEqual([]);
});

test("a stream that the client lost is taken up where it was lost, once for each event", async () => {
  const finish = Promise.withResolvers<() => void>();
  const upstream = started(
    await startUpstream({
      offer: { tools: ["t"] },
      onRequest: ({ id, response }) => {
        beginEvents(response);
        for (const progress of [1, 2, 3])
          event(response, { method: "notifications/progress", params: { progressToken: id, progress } });
        finish.resolve(() => {
          event(response, { id, result: { isLate: true } });
          response.end();
        });
      },
    }),
  );
  const gate = await gateOver(upstream);
  const client = await legacyClient(gate, agent, { capabilities: all });
  const called = await client.open("tools/call", { name: "s__t", _meta: { progressToken: "p" } });
  await called.next("notifications/progress");
  await until(() => called.eventIds.length >= 3, "two events behind the first one");
  const from = called.eventIds[1];
  called.close();
  const again = await client.listen(from);
  (await finish.promise)();
  expect(at(await again.response(), "result")).toEqual({ isLate: true });
  const missed = again.messages.flatMap((message) => at(message, "params", "progress") ?? []);
  expect(missed).toEqual([2, 3]);
  // Another time the same is told, and nothing else.
  const third = await client.listen(again.eventIds.at(-2));
  expect(at(await third.response(), "result")).toEqual({ isLate: true });
  expect(third.messages).toHaveLength(1);
});
