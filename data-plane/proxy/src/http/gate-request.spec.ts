// That a body reaches whoever reads it, whole and once, whatever the connection does: read at once or late, ended, refused or
// broken off, and that the connection serves the next request afterwards. Without that calls hang, or hear another's bytes.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { GateRequest, type BodyReader } from "./gate-request.ts";

type Heard = { text: string; outcome: "reading" | "ended" | "broken-off"; takes: number };

/** What is read of each request, as `read` says when it comes; it is answered when its body has ended. */
async function scene(read: (request: GateRequest, reader: BodyReader) => void, wants = () => true) {
  const heard: Heard[] = [];
  const requests: GateRequest[] = [];
  const server = createServer({ IncomingMessage: GateRequest }, (request, response) => {
    const body: Heard = { text: "", outcome: "reading", takes: 0 };
    heard.push(body);
    requests.push(request);
    read(request, {
      take(chunk) {
        body.text += chunk.toString();
        body.takes += 1;
        return wants();
      },
      end() {
        body.outcome = "ended";
        response.end(`heard ${body.text.length}`);
      },
      breakOff() {
        body.outcome = "broken-off";
      },
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  // A server that listens on TCP has an address of that kind.
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return { socket, heard, requests };
}

const head = (length: number) => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
const chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

const nextTurn = async () => new Promise((resolve) => setImmediate(resolve));

async function answers(socket: Socket, count: number): Promise<string> {
  let came = "";
  while (came.split("heard ").length <= count || !/heard \d+$/.test(came))
    came += String((await once(socket, "data"))[0]);
  return came;
}

const atOnce = (request: GateRequest, reader: BodyReader) => request.readBy(reader);
const inTheNextTurn = (request: GateRequest, reader: BodyReader) => void setImmediate(() => request.readBy(reader));
const whenItIsThere = (request: GateRequest, reader: BodyReader) =>
  void request.once("readable", () => request.readBy(reader));

for (const [how, read] of Object.entries({ atOnce, inTheNextTurn, whenItIsThere })) {
  test(`read ${how}, a body that came with its headers is told whole, and so is the next one's`, async () => {
    const { socket, heard } = await scene(read);
    socket.write(`${head(5)}first`);
    await answers(socket, 1);
    socket.write(`${head(6)}second`);
    await answers(socket, 1);
    expect(heard.map(({ text, outcome }) => [text, outcome])).toEqual([
      ["first", "ended"],
      ["second", "ended"],
    ]);
  });

  test(`read ${how}, two requests in one packet keep their own bodies`, async () => {
    const { socket, heard } = await scene(read);
    socket.write(`${head(5)}first${chunked}3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n`);
    expect(await answers(socket, 2)).toContain("heard 6");
    expect(heard.map(({ text }) => text)).toEqual(["first", "second"]);
  });
}

test("a body without bytes ends, whether or not one was announced", async () => {
  const { socket, heard } = await scene(atOnce);
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await answers(socket, 1);
  socket.write(head(0));
  await answers(socket, 1);
  expect(heard.map(({ outcome, takes }) => [outcome, takes])).toEqual([
    ["ended", 0],
    ["ended", 0],
  ]);
});

test("who does not want more is told no more, and the connection is not read on", async () => {
  const { socket, heard, requests } = await scene(atOnce, () => false);
  const sent = 64 * 1024 * 1024;
  socket.write(head(sent));
  const piece = "x".repeat(1024 * 1024);
  // Until the line is full: somebody who reads would empty it.
  let wasWritten = 0;
  while (wasWritten < sent && socket.write(piece)) wasWritten += piece.length;
  while (requests[0]?.socket.isPaused() !== true) await nextTurn();
  const takes = heard[0]?.takes ?? 0;
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  expect(heard[0]?.takes).toBe(takes);
  expect(requests[0]?.socket.bytesRead).toBeLessThan(sent / 8);
});

test("a body that breaks off is told so once, and one that has ended is not", async () => {
  const { socket, heard, requests } = await scene(atOnce);
  socket.write(`${head(4)}okay`);
  await answers(socket, 1);
  socket.write(`${head(10)}half`);
  while (heard[1]?.text !== "half") await nextTurn();
  socket.destroy();
  while (requests[1]?.closed !== true) await nextTurn();
  expect(heard.map(({ outcome }) => outcome)).toEqual(["ended", "broken-off"]);
  expect(requests.map(({ readableEnded }) => readableEnded)).toEqual([true, false]);
});

test("a body that nobody reads makes room for the next request", async () => {
  const requests: GateRequest[] = [];
  const server = createServer({ IncomingMessage: GateRequest }, (request, response) => {
    requests.push(request);
    response.end("heard 0");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(`${head(100_000)}${"x".repeat(100_000)}`);
  await answers(socket, 1);
  socket.write(`${head(2)}hi`);
  await answers(socket, 1);
  expect(requests.map(({ readableEnded }) => readableEnded)).toContain(true);
});
