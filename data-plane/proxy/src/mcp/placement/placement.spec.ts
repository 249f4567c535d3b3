// Where a session is served, in a fleet. A session whose worker dies goes on at whoever is asked, and comes home to the worker's heir as soon as there is one. If it
// went on in two places, an answer of the client would reach the one where nobody waits for it, and his call would hang.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { View } from "@tollgate/kernel/view";
import { talk } from "../../fixtures/client-fixture.ts";
import {
  at,
  key,
  server,
  startGate,
  started,
  startSession,
  team,
  until,
  viewWith,
} from "../../fixtures/gate-fixture.ts";
import { connectionBounds } from "../../http/connection-bounds.ts";
import { connecting } from "../../outgoing/connect.ts";
import { OutgoingPool } from "../../outgoing/pool.ts";
import { beginEvents, event, result, startUpstream, type Incoming } from "../../fixtures/upstream-fixture.ts";

const agent = key(["*/*"]);

const poolTo = (origin: string) => new OutgoingPool(origin, { connectionsMax: 10, connect: connecting({}) });

/** Workers of one proxy. */
function fleet(view: View) {
  const sealingSecret = randomBytes(32);
  /** By slot; none where the worker is dead. */
  const sockets = new Map<number, string>();
  const lives = new Map<string, string>();
  return async (slot: number, boot: string) => {
    const neighbours = {
      self: { proxyId: "p", slot, boot, address: "" },
      workers: 2,
      dialWorker: (to: number) => poolTo(sockets.get(to) ?? "http://127.0.0.1:1"),
      dialLife: (of: string) => poolTo(lives.get(of) ?? "http://127.0.0.1:1"),
      dialProxy: () => poolTo("http://127.0.0.1:1"),
    };
    const gate = started(await startGate(view, {}, { neighbours, sealingSecret }));
    const socket = createServer(connectionBounds, (request, response) =>
      gate.gate.answerPeer(request, response, { worker: 1 - slot }),
    ).listen(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address() as AddressInfo; // It listens on TCP.
    sockets.set(slot, `http://127.0.0.1:${port}`);
    lives.set(boot, `http://127.0.0.1:${port}`);
    const stop = async () => {
      if (sockets.get(slot)?.endsWith(`:${port}`) === true) sockets.delete(slot);
      lives.delete(boot);
      socket.closeAllConnections();
      await new Promise((resolve) => socket.close(resolve));
    };
    return { ...gate, stop };
  };
}

test("a stream that is another worker's ends in time when the one that passes it on leaves", async () => {
  const worker = fleet(viewWith([team(), agent.resource]));
  const [owner, passing] = [started(await worker(0, "owner")), started(await worker(1, "passing"))];
  const headers = await startSession(owner, agent);
  const stream = await talk(`${passing.url}/mcp`, { method: "GET", headers });
  expect([owner, passing].map(({ gate }) => gate.mcp.counts().streams)).toEqual([1, 1]);
  await passing.gate.mcp.drain(0);
  await until(stream.isClosed, "the end of the stream");
  await until(() => [owner, passing].every(({ gate }) => gate.mcp.counts().streams === 0), "its places to be free");
});

/** A server whose tool `asking` asks the client, and answers with what it is told. */
async function startAsking() {
  let asking: Incoming | undefined;
  const upstream = started(
    await startUpstream({
      offer: { tools: ["plain", "asking"] },
      onAny({ method, body }) {
        if (method !== "response" || asking === undefined) return false;
        const { result: answer } = JSON.parse(body);
        event(asking.response, { id: asking.id, result: { content: [], answer } });
        asking.response.end();
        return false;
      },
      onRequest(incoming) {
        if (incoming.params["name"] === "plain") return result(incoming, { content: [] });
        asking = incoming;
        event(beginEvents(incoming.response), { id: 1, method: "elicitation/create", params: { message: "Who?" } });
      },
    }),
  );
  return viewWith([team(), agent.resource, server("s", upstream.url)]);
}

/** A session at a worker, whose client asks any of them. */
async function openSession(owner: Awaited<ReturnType<ReturnType<typeof fleet>>>) {
  const headers = {
    ...(await startSession(owner, agent, { capabilities: { elicitation: {} } })),
    "content-type": "application/json",
  };
  const send = (to: { url: string }, message: object) =>
    talk(`${to.url}/mcp`, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
  const call = (to: { url: string }, id: number, name: string) =>
    send(to, { id, method: "tools/call", params: { name: `s__${name}` } });
  return { send, call };
}

test("a session that a stand-in took up goes on at its worker's heir, answers to questions included", async () => {
  const worker = fleet(await startAsking());
  const first = await worker(0, "first");
  const other = started(await worker(1, "other"));
  const { send, call } = await openSession(first);
  await first.stop();
  expect(at(await (await call(other, 1, "plain")).response(1), "result", "content")).toEqual([]);

  const heir = started(await worker(0, "heir"));
  const asked = await call(heir, 2, "asking");
  const question = await asked.next("elicitation/create");
  await send(other, { id: at(question, "id"), result: { action: "accept" } });
  expect(at(await asked.response(2), "result", "answer")).toEqual({ action: "accept" });
  expect(other.gate.mcp.counts().sessions).toBe(1);
});

test("what a worker that was replaced has begun ends with it, whoever is asked; then its session is its heir's", async () => {
  const worker = fleet(await startAsking());
  const former = await worker(0, "former");
  const other = started(await worker(1, "other"));
  const { send, call } = await openSession(former);
  const heir = started(await worker(0, "heir"));
  for (const [index, asked] of [heir, other].entries()) {
    const id = 2 * index + 1;
    const answer = await call(former, id, "asking");
    const question = await answer.next("elicitation/create");
    await send(asked, { id: at(question, "id"), result: { action: "accept" } });
    expect(at(await answer.response(id), "result", "answer")).toEqual({ action: "accept" });
    expect(at(await (await call(asked, id + 1, "plain")).response(id + 1), "result", "content")).toEqual([]);
  }
  const sessions = () => [former, heir, other].map(({ gate }) => gate.mcp.counts().sessions);
  expect(sessions()).toEqual([1, 0, 0]);
  await former.stop();
  expect(at(await (await call(other, 9, "plain")).response(9), "result", "content")).toEqual([]);
  expect(sessions().slice(1)).toEqual([1, 0]);
});
