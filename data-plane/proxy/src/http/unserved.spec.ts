// What a client reads that sends no request, half of one, or one after its answer: something that says what is wrong, and never
// in the middle of an answer, where it would be taken for a part of it.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import { createListener, type Exchange } from "./listener.ts";

async function scene(unreadMs = 60_000) {
  const held: Exchange[] = [];
  const refuse = ({ response }: Exchange) => void response.writeHead(503).end();
  const doors = new Map([
    ["/now", { serve: ({ response }: Exchange) => void response.end("served"), refuse }],
    ["/held", { serve: (exchange: Exchange) => void held.push(exchange), refuse }],
  ]);
  const known = () => ({ position: null, ageMs: null, ageMsMax: 60_000 });
  const log = openLog("silent", {});
  const { server } = createListener({ doors, waitsFor: () => [], known, log, unreadMs });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { server, held, say: (text: string) => say(port, text) };
}

async function say(port: number, text: string) {
  const socket: Socket = connect(port, "127.0.0.1").setEncoding("utf8");
  let came = "";
  socket.on("data", (chunk) => (came += String(chunk)));
  const closed = once(
    socket.on("error", () => undefined),
    "close",
  );
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(text);
  return { socket, came: () => came, closed: () => closed };
}

const long = "x".repeat(40_000);

for (const [what, text, status, code] of [
  ["no request", "NONSENSE\r\n\r\n", 400, "request.invalid"],
  ["headers beyond all bounds", `GET /now HTTP/1.1\r\nhost: a\r\nx-long: ${long}\r\n\r\n`, 431, "request.too-large"],
] as const)
  test(`${what} is told what it is`, async () => {
    const { say } = await scene();
    const { came, closed } = await say(text);
    await closed();
    const [head = "", body = ""] = came().split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} [A-Z]`));
    expect(head).toMatch(/\r\nx-tollgate-request-id: [0-9a-f-]{36}/);
    expect(head).toContain(`content-length: ${body.length}`);
    expect(JSON.parse(body)).toMatchObject({ error: { code } });
  });

test("headers that do not come in time are told so", async () => {
  const { server, say } = await scene();
  server.headersTimeout = 1;
  const { came, closed } = await say("GET /now HTTP/1.1\r\nhost: a\r\n");
  await closed();
  expect(came()).toMatch(/^HTTP\/1.1 408 /);
  expect(came()).toContain('"code":"request.too-slow"');
}, 20_000);

test("into an answer that has begun nothing is written", async () => {
  const { held, say } = await scene();
  const { socket, came, closed } = await say("GET /held HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => held.length === 1, "the request");
  held[0]?.response.writeHead(200).write("first");
  await until(() => came().includes("first"), "the answer to begin");
  socket.write("NONSENSE\r\n\r\n");
  await closed();
  expect(came().match(/HTTP\/1.1/g)).toHaveLength(1);
  expect(came()).not.toContain("request.invalid");
});

test("a body that goes on behind its answer has its time; one that ends keeps its connection", async () => {
  const head = "POST /now HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
  const endless = await (await scene(50)).say(`${head}12345`);
  await endless.closed();
  expect(endless.came()).toContain("served");
  const { held, say } = await scene(50);
  const ended = await say(`${head}12345`);
  await until(() => ended.came().includes("served"), "the first answer");
  ended.socket.write(`67890${head}1234567890GET /held HTTP/1.1\r\nhost: a\r\n\r\n`);
  await until(() => held.length === 1, "the request behind it");
  // Whose time began later has had it: then the other's is over, too.
  await (await say(`${head}12345`)).closed();
  held[0]?.response.end("held");
  await until(() => ended.came().includes("held"), "the answer to the request behind it");
});
