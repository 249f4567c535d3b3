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
  return async (slot: number, boot: string) => {
    const neighbours = {
      self: { proxyId: "p", slot, boot, address: "" },
      workers: 2,
      dialWorker: (to: number) => poolTo(sockets.get(to) ?? "http://127.0.0.1:1"),
      dialProxy: () => poolTo("http://127.0.0.1:1"),
    };
    const gate = started(await startGate(view, {}, { neighbours, sealingSecret }));
    const socket = createServer((request, response) =>
      gate.gate.answerPeer(request, response, { worker: 1 - slot }),
    ).listen(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address() as AddressInfo; // It listens on TCP.
    sockets.set(slot, `http://127.0.0.1:${port}`);
    const stop = async () => {
      sockets.delete(slot);
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

test("a session that a stand-in took up goes on at its worker's heir, answers to questions included", async () => {
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
  const view = viewWith([team(), agent.resource, server("s", upstream.url)]);
  const worker = fleet(view);
  const first = await worker(0, "first");
  const other = started(await worker(1, "other"));
  const headers = {
    ...(await startSession(first, agent, { capabilities: { elicitation: {} } })),
    "content-type": "application/json",
  };
  const send = (to: { url: string }, message: object) =>
    talk(`${to.url}/mcp`, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
  const call = (to: { url: string }, id: number, name: string) =>
    send(to, { id, method: "tools/call", params: { name: `s__${name}` } });
  await first.stop();
  expect(at(await (await call(other, 1, "plain")).response(1), "result", "content")).toEqual([]);

  const heir = started(await worker(0, "heir"));
  const asked = await call(heir, 2, "asking");
  const question = await asked.next("elicitation/create");
  await send(other, { id: at(question, "id"), result: { action: "accept" } });
  expect(at(await asked.response(2), "result", "answer")).toEqual({ action: "accept" });
  expect(other.gate.mcp.counts().sessions).toBe(1);
});
