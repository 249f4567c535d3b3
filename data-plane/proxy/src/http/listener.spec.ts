// A proxy that leaves costs no call: not one that is under way, not one that comes before the balancer has noticed, and not
// the next one on a connection whose client could not know yet. An agent that sees a reset cannot tell whether its tool ran.

import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bodyOf, until } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import { createListener, type Exchange, type Listener } from "./listener.ts";

let listener: Listener;
let port: number;
let held: Exchange[];
let agent: Agent;

const known = () => ({ position: null, ageMs: null, ageMsMax: 60_000 });

beforeEach(async () => {
  held = [];
  // One connection, kept: what a client does that knows nothing of the departure.
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const refuse = ({ response }: Exchange, code: string) =>
    void response.writeHead(503).end(`in its own words: ${code}`);
  const doors = new Map([
    ["/now", { serve: ({ response }: Exchange) => void response.end("served"), refuse }],
    ["/held", { serve: (exchange: Exchange) => void held.push(exchange), refuse }],
  ]);
  listener = createListener({ doors, waitsFor: () => [], known, log: openLog("silent", {}) });
  listener.server.listen(0, "127.0.0.1");
  await once(listener.server, "listening");
  const address = listener.server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});

afterEach(async () => {
  agent.destroy();
  listener.server.closeAllConnections();
  if (listener.server.listening) await listener.drain(0);
});

type Answer = { status: number; connection: string | undefined; text: string };

async function get(path: string, by: Agent | false = agent): Promise<Answer> {
  const sent = request({ port, host: "127.0.0.1", path, agent: by }).end();
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  const { connection } = response.headers;
  return { status: response.statusCode ?? 0, connection, text: await bodyOf(response) };
}

test("who leaves is not ready and serves, on old connections and new ones, and asks its clients to go", async () => {
  expect(await get("/now")).toEqual({ status: 200, connection: "keep-alive", text: "served" });
  listener.leave();
  expect(await get("/readyz", false)).toMatchObject({ status: 503, text: expect.stringContaining("draining") });
  expect(await get("/now")).toEqual({ status: 200, connection: "close", text: "served" });
  expect(await get("/now")).toMatchObject({ status: 200, connection: "close" });
});

test("a call under way is answered, and its answer asks the client to go although the call began before", async () => {
  const under = get("/held");
  await until(() => held.length === 1, "the call");
  listener.leave();
  const drained = listener.drain(5_000);
  held[0]?.response.end("late");
  expect(await under).toEqual({ status: 200, connection: "close", text: "late" });
  await drained;
});

test("a client whose stream began before, and who could not be asked, is served once more on its connection", async () => {
  const under = get("/held");
  await until(() => held.length === 1, "the call");
  held[0]?.response.write("begun ");
  const drained = listener.drain(5_000);
  await until(() => !listener.server.listening, "no new connection to be taken");
  held[0]?.response.end("ended");
  expect(await under).toMatchObject({ status: 200, connection: "keep-alive", text: "begun ended" });
  expect(await get("/now")).toEqual({ status: 200, connection: "close", text: "served" });
  await drained;
});

test("connections without a call do not hold it up", async () => {
  await get("/now");
  const startMs = performance.now();
  await listener.drain(60_000);
  expect(performance.now() - startMs).toBeLessThan(5_000);
});

test("a call that would be cut in the middle is refused; what is under way then is cut at the deadline and not before", async () => {
  const cut = get("/held", false).catch(() => "cut");
  await until(() => held.length === 1, "the call");
  const other = get("/held");
  await until(() => held.length === 2, "the other call");
  held[1]?.response.write("begun ");
  const startMs = performance.now();
  const drained = listener.drain(900);
  held[1]?.response.end("ended");
  await other;
  expect(await get("/now")).toMatchObject({ status: 503, text: "in its own words: proxy.draining" });
  expect(await cut).toBe("cut");
  await drained;
  expect(performance.now() - startMs).toBeGreaterThan(850);
});
