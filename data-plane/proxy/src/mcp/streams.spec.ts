// The stream on which a legacy client hears what belongs to no request: it breaks, is hung up by a proxy that leaves, and is
// taken up again, and what was said meanwhile must not be lost, nor may it end the worker.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { legacyClient } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { event, result, startUpstream } from "../fixtures/upstream-fixture.ts";

const { at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);

test("what changed while nobody listened is told to who comes back, and nothing else is", async () => {
  const upstream = started(await startUpstream({ offer: { tools: ["t"], prompts: ["p"] } }));
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  await until(() => upstream.streams.size === 1, "the gate to hear of changes");
  const client = await legacyClient(gate, agent);
  const first = await client.listen();
  first.close();
  await until(() => gate.gate.mcp.counts().streams === 0, "the stream to be gone");
  upstream.offer.tools = ["t", "u"];
  upstream.tell("notifications/tools/list_changed");
  await until(async () => (await client.ask("tools/list")).text.includes("s__u"), "the new tool");
  const second = await client.listen(first.eventIds[0]);
  await second.next("notifications/tools/list_changed");
  second.close();
  await until(() => gate.gate.mcp.counts().streams === 0, "the stream to be gone");
  const third = await client.listen(second.eventIds.at(-1));
  upstream.offer.prompts = [];
  upstream.tell("notifications/prompts/list_changed");
  await third.next("notifications/prompts/list_changed");
  expect(third.messages).toHaveLength(1);
});

test("a stream whose client reads slowly is hung up, and what is said then harms nobody", async () => {
  const upstream = started(
    await startUpstream({ offer: { tools: ["t"] }, onRequest: (incoming) => result(incoming, { content: [] }) }),
  );
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  const client = await legacyClient(gate, agent);
  await client.ask("tools/call", { name: "s__t" });
  await until(() => upstream.streams.size === 2, "the session's stream at the server");
  const opened = once(gate.gate.listener.server, "request");
  const general = await client.listen();
  general.pause();
  // The second argument of the event is the response.
  const response = (await opened)[1] as ServerResponse;
  const errors: unknown[] = [];
  response.on("error", (error) => errors.push(error));
  const speak = () => upstream.tell("notifications/message", { level: "info", data: "x".repeat(64_000) });
  await until(async () => {
    speak();
    await new Promise((resolve) => setImmediate(resolve));
    return response.writableLength > 0;
  }, "the client to be behind");
  await gate.gate.mcp.drain(0);
  expect([response.writableEnded, response.writableFinished]).toEqual([true, false]);
  speak();
  await client.ask("ping");
  general.close();
  await once(response, "close");
  expect(errors).toEqual([]);
});

test("a message of a server that cannot be read costs that message alone", async () => {
  const upstream = started(
    await startUpstream({ offer: { tools: ["t"] }, onRequest: (incoming) => result(incoming, { content: [] }) }),
  );
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", upstream.url)])));
  const client = await legacyClient(gate, agent);
  const general = await client.listen();
  await client.ask("tools/call", { name: "s__t" });
  await until(() => upstream.streams.size === 2, "the session's stream at the server");
  const before = upstream.count("GET");
  for (const method of ["notifications/message", "notifications/resources/updated"])
    for (const stream of upstream.streams.keys())
      stream.write(
        `data: {"jsonrpc":"2.0","method":"${method}","params":{"level":"info","LEVEL":"info","uri":"a","uri":"b"}}\n\n`,
      );
  upstream.tell("notifications/message", { level: "info", data: "readable" });
  expect(await general.next("notifications/message")).toMatchObject({ params: { data: "readable" } });
  expect(upstream.count("GET")).toBe(before);
});

test("a server that the key has lost says and asks nothing more, and is heard again when the key reaches it again", async () => {
  const upstream = started(
    await startUpstream({ offer: { tools: ["t"] }, onRequest: (incoming) => result(incoming, { content: [] }) }),
  );
  const resources = [team(), server("s", upstream.url)];
  const gate = started(await startGate(viewWith([...resources, agent.resource])));
  const client = await legacyClient(gate, agent, { capabilities: { elicitation: {} } });
  const general = await client.listen();
  await client.ask("tools/call", { name: "s__t" });
  await until(() => upstream.streams.size === 2, "the session's stream at the server");
  const own = [...upstream.streams].flatMap(([stream, session]) =>
    session === upstream.received.findLast(({ method }) => method === "tools/call")?.headers["mcp-session-id"]
      ? stream
      : [],
  );
  const say = (data: string) => {
    for (const stream of own) {
      event(stream, { method: "notifications/message", params: { level: "info", data } });
      event(stream, { id: data, method: "elicitation/create", params: { message: data } });
    }
  };
  const answers = () =>
    upstream.received.flatMap(({ method, id, body }) => (method === "response" ? [{ id, body }] : []));
  const show = async (tools: readonly string[], position: bigint) => {
    gate.show(viewWith([...resources, agent.withTools(tools)], position));
    await general.next("notifications/tools/list_changed");
  };
  await show(["other/*"], 2n);
  say("lost");
  await until(() => answers().length === 1, "the server to be answered");
  expect(JSON.parse(answers()[0]?.body ?? "")).toMatchObject({ id: "lost", error: { code: -32601 } });
  await show(["s/*"], 3n);
  say("found");
  expect(await general.next("elicitation/create")).toMatchObject({ params: { message: "found" } });
  const heard = general.messages.filter((message) => at(message, "method") === "notifications/message");
  expect(heard.map((message) => at(message, "params", "data"))).toEqual(["found"]);
});

test("what a server says while its client is away is kept as long as the key reaches the server, and no longer", async () => {
  const upstream = started(
    await startUpstream({ offer: { tools: ["t"] }, onRequest: (incoming) => result(incoming, { content: [] }) }),
  );
  const resources = [team(), server("s", upstream.url)];
  const gate = started(await startGate(viewWith([...resources, agent.resource])));
  const client = await legacyClient(gate, agent);
  const general = await client.listen();
  await client.ask("tools/call", { name: "s__t" });
  await until(() => upstream.streams.size === 2 && general.eventIds.length > 0, "the streams");
  general.close();
  await until(() => gate.gate.mcp.counts().streams === 0, "the client to be away");
  for (const [index, tools] of [["s/*"], ["other/*"], ["s/*"]].entries()) {
    gate.show(viewWith([...resources, agent.withTools(tools)], BigInt(index + 2)));
    upstream.forget();
    for (const stream of upstream.streams.keys()) {
      event(stream, { method: "notifications/message", params: { level: "info", data: index } });
      event(stream, { id: index, method: "ping" });
    }
    await until(
      () => upstream.received.some(({ method, id }) => method === "response" && id === index),
      "it to be read",
    );
  }
  const again = await client.listen(general.eventIds[0]);
  await until(() => again.messages.some((message) => at(message, "params", "data") === 2), "what was said last");
  const heard = again.messages.flatMap((message) => at(message, "params", "data") ?? []);
  expect(heard).toEqual([0, 2]);
});
