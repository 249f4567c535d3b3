// Subscriptions to single resources of a legacy server, which knows one for each session, however many clients share that: who
// leaves must not take the others' along, and a server's no has to reach who asked.

import { expect, test } from "vitest";
import { legacyClient, openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { failure, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

const { at, key, moved, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const uri = "file:///a";

async function setUp(onSubscribe: (incoming: Incoming) => void, onAny: (incoming: Incoming) => boolean = () => false) {
  const upstream = started(
    await startUpstream({
      offer: { resources: [uri] },
      onAny,
      onRequest: (incoming) =>
        incoming.method === "resources/subscribe" ? onSubscribe(incoming) : result(incoming, {}),
    }),
  );
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  return { upstream, gate };
}

test("a server's no to a subscription reaches the client, and is no subscription", async () => {
  const { upstream, gate } = await setUp((incoming) => failure(incoming, -32002, "Not this one"));
  const client = await legacyClient(gate, agent);
  for (const times of [1, 2]) {
    const { json } = await client.ask("resources/subscribe", { uri }, times);
    expect(json).toMatchObject({ id: times, error: { code: -32002, message: "Not this one" } });
    expect(upstream.count("resources/subscribe")).toBe(times);
  }
});

test("two that subscribe at the same time are one subscription, which stays until both have left", async () => {
  const asked: Incoming[] = [];
  const { upstream, gate } = await setUp((incoming) => void asked.push(incoming));
  const listen = () =>
    openAsk(gate, agent, "subscriptions/listen", { notifications: { resourceSubscriptions: [uri, uri] } });
  const [first, second] = [await listen(), await listen()];
  const acknowledged = await second.next("notifications/subscriptions/acknowledged");
  expect(at(acknowledged, "params", "notifications", "resourceSubscriptions")).toEqual([uri]);
  await until(() => asked.length > 0 && upstream.streams.size > 1, "the subscription");
  for (const incoming of asked) result(incoming, {});
  const heard = async (stream: typeof first) => {
    await until(() => {
      upstream.tell("notifications/resources/updated", { uri });
      return stream.messages.some((message) => at(message, "method") === "notifications/resources/updated");
    }, "news");
  };
  await Promise.all([heard(first), heard(second)]);
  first.close();
  await until(() => gate.gate.mcp.counts().streams === 1, "the first to be gone");
  await (await legacyClient(gate, agent)).ask("resources/read", { uri });
  expect([upstream.count("resources/subscribe"), upstream.count("resources/unsubscribe")]).toEqual([1, 0]);
  second.close();
  await until(() => upstream.count("resources/unsubscribe") === 1, "the end of the subscription");
});

test("who unsubscribes before the server has answered hears nothing", async () => {
  const asked: Incoming[] = [];
  const { upstream, gate } = await setUp((incoming) => void asked.push(incoming));
  const client = await legacyClient(gate, agent);
  const subscribed = client.ask("resources/subscribe", { uri });
  await until(() => asked.length === 1, "the question");
  await client.ask("resources/unsubscribe", { uri }, 2);
  for (const incoming of asked) result(incoming, {});
  expect(at((await subscribed).json, "result")).toEqual({});
  await until(() => upstream.count("resources/unsubscribe") === 1, "the end of the subscription");
});

test("a server that cannot give a stream for a moment is asked for it again", async () => {
  const refused = new Set<unknown>();
  const { upstream, gate } = await setUp(
    (incoming) => result(incoming, {}),
    ({ method, headers, response }) => {
      const session = headers["mcp-session-id"];
      if (method !== "GET" || refused.has(session)) return false;
      refused.add(session);
      response.writeHead(503).end();
      return true;
    },
  );
  const client = await legacyClient(gate, agent);
  const general = await client.listen();
  await client.ask("resources/subscribe", { uri });
  await until(() => upstream.streams.size === 2, "the session's stream");
  upstream.tell("notifications/resources/updated", { uri });
  await general.next("notifications/resources/updated");
});

for (const eras of [
  ["legacy", "legacy"],
  ["legacy", "modern"],
  ["modern", "legacy"],
  ["modern", "modern"],
] as const)
  test(`a subscription goes along with a server that is registered anew (${eras.join(", then ")}), and ends with it`, async () => {
    const [former, latter] = await Promise.all(
      eras.map(async (era) => {
        const onRequest = (incoming: Incoming) => result(incoming, {});
        return started(await startUpstream({ era, offer: { resources: [uri] }, onRequest }));
      }),
    );
    if (former === undefined || latter === undefined) throw new Error("two servers");
    const of = server("s", former.url);
    const gate = started(await startGate(viewWith([team(), agent.resource, of])));
    const legacy = await legacyClient(gate, agent);
    const general = await legacy.listen();
    const modern = await openAsk(gate, agent, "subscriptions/listen", {
      notifications: { resourceSubscriptions: [uri] },
    });
    expect(at((await legacy.ask("resources/subscribe", { uri })).json, "result")).toEqual({});
    const updated = "notifications/resources/updated";
    const heardFrom = async (upstream: typeof former, part: string) => {
      const about = `${uri}/${part}`;
      for (const stream of [general, modern])
        await until(() => {
          upstream.tell(updated, { uri: about });
          return stream.messages.some((message) => at(message, "params", "uri") === about);
        }, `news of ${part}`);
    };
    await heardFrom(former, "former");
    gate.show(viewWith([team(), agent.resource, moved(of, latter.url)], 2n));
    await heardFrom(latter, "latter");
    const isLeft = ({ count, streams }: typeof former, era: string) =>
      era === "modern" ? streams.size === 0 : count("resources/unsubscribe") === 2;
    await until(() => isLeft(former, eras[0]), "the former to be left");
    gate.show(viewWith([team(), agent.resource], 3n));
    await until(() => isLeft(latter, eras[1]), "the latter to be left");
    expect(at((await legacy.ask("resources/unsubscribe", { uri })).json, "result")).toEqual({});
    expect([general.isClosed(), modern.isClosed()]).toEqual([false, false]);
  });
