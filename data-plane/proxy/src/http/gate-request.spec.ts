// That a body reaches whoever reads it, whole and once, and that he is told how it ended: without that a call hangs, is made
// twice, or hears another's bytes. And that the connection serves the next request afterwards, and holds nothing of the last.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { collectGarbage } from "../../../../test/support/collect-garbage.ts";
import { GateRequest, type BodyReader } from "./gate-request.ts";

type Scene = { socket: Socket; told: string[]; requests: GateRequest[]; responses: ServerResponse[] };
type Serve = (request: GateRequest, response: ServerResponse, reader: BodyReader) => void;

/** One connection. What readers are told is kept in one line for all requests; `serve` makes of a reader what it likes. */
async function scene(serve: Serve, wants: (request: GateRequest) => boolean = () => true): Promise<Scene> {
  const told: string[] = [];
  const requests: GateRequest[] = [];
  const responses: ServerResponse[] = [];
  const server = createServer({ IncomingMessage: GateRequest }, (request, response) => {
    requests.push(request);
    responses.push(response);
    serve(request, response, {
      take(chunk) {
        told.push(chunk.toString());
        return wants(request);
      },
      end() {
        told.push("(end)");
      },
      breakOff() {
        told.push("(broken off)");
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
  return { socket, told, requests, responses };
}

const read: Serve = (request, _, reader) => request.readBy(reader);
/** Answers when the body has ended. */
const echo: Serve = (request, response, reader) =>
  request.readBy({
    ...reader,
    end() {
      reader.end();
      response.end("heard.");
    },
  });
const head = (length: number) => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
const chunkedHead = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
const twoChunks = "3\r\nsec\r\n3\r\nond\r\n";

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

async function answers(socket: Socket, count: number): Promise<void> {
  let came = "";
  while (came.split("heard.").length <= count) came += String((await once(socket, "data"))[0]);
}

test("a body that came with its headers is told whole, and so is the next one's", async () => {
  const { socket, told } = await scene(echo);
  for (const body of ["first", "second"]) {
    socket.write(`${head(body.length)}${body}`);
    await answers(socket, 1);
  }
  expect(told).toEqual(["first", "(end)", "second", "(end)"]);
});

test("two requests in one packet keep their own bodies, and trailers are none of a body", async () => {
  const { socket, told } = await scene(echo);
  socket.write(`${chunkedHead}${twoChunks}0\r\nx-trailer: yes\r\n\r\n${head(5)}third`);
  await answers(socket, 2);
  expect(told).toEqual(["sec", "ond", "(end)", "third", "(end)"]);
});

test("a body without bytes ends, whether or not one was announced", async () => {
  const { socket, told } = await scene(echo);
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await answers(socket, 1);
  socket.write(head(0));
  await answers(socket, 1);
  expect(told).toEqual(["(end)", "(end)"]);
});

test("who does not want more is told no more, though it came in the same packet, and not that it broke off", async () => {
  const { socket, told, requests } = await scene(read, () => false);
  socket.write(`${chunkedHead}${twoChunks}0\r\n\r\n`);
  await until(() => requests[0]?.complete === true);
  socket.destroy();
  await until(() => requests[0]?.socket.destroyed === true);
  expect(told).toEqual(["sec"]);
  expect(requests[0]?.readableLength).toBe(0);
});

test("for who does not want more the connection is not read on", async () => {
  const { socket, requests } = await scene(read, () => false);
  const sent = 64 * 1024 * 1024;
  socket.write(head(sent));
  const piece = "x".repeat(1024 * 1024);
  // Until the line is full: somebody who reads would empty it.
  for (let written = 0; written < sent && socket.write(piece);) written += piece.length;
  await until(() => requests[0]?.socket.isPaused() === true);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(requests[0]?.socket.bytesRead).toBeLessThan(sent / 8);
});

test("a body that breaks off is told so once, and its request is aborted", async () => {
  const { socket, told, requests } = await scene(read);
  socket.write(`${head(10)}half`);
  await until(() => told.length === 1);
  socket.destroy();
  await until(() => requests[0]?.closed === true);
  expect(told).toEqual(["half", "(broken off)"]);
  expect([requests[0]?.aborted, requests[0]?.readableEnded]).toEqual([true, false]);
});

test("who goes while his answer is made has not broken off what was read", async () => {
  const { socket, told, responses } = await scene(read);
  socket.write(`${head(4)}okay`);
  await until(() => told.includes("(end)"));
  socket.destroy();
  await until(() => responses[0]?.closed === true);
  expect(told).toEqual(["okay", "(end)"]);
});

test("a reader who destroys the request himself is told that it broke off, and nothing more", async () => {
  const { socket, told, requests } = await scene(read, (request) => !request.destroy().readable);
  socket.write(`${chunkedHead}${twoChunks}0\r\n\r\n`);
  await until(() => requests[0]?.closed === true);
  expect(told).toEqual(["sec", "(broken off)"]);
});

test("a body of which something has come, or that somebody reads, is not begun to be read", async () => {
  const { socket, told, requests } = await scene(read);
  socket.write(head(4));
  await until(() => requests.length === 1);
  const reader = { take: () => true, end: () => undefined, breakOff: () => undefined };
  expect(() => requests[0]?.readBy(reader)).toThrow("once");
  socket.write("okay");
  await until(() => told.includes("(end)"));
  const late = await scene(() => undefined);
  late.socket.write(`${head(9)}half`);
  await until(() => (late.requests[0]?.readableLength ?? 0) > 0);
  expect(() => late.requests[0]?.readBy(reader)).toThrow("turn");
});

test("a body that nobody reads makes room for the next request", async () => {
  const { socket, requests } = await scene((_, response) => void response.end("heard."));
  socket.write(`${head(100_000)}${"x".repeat(100_000)}`);
  await answers(socket, 1);
  socket.write(`${head(2)}hi`);
  await answers(socket, 1);
  expect(requests[0]?.readableEnded).toBe(true);
});

for (const [what, serve, isEarly] of [
  ["that was answered when it had ended", echo, false],
  [
    "that was answered before",
    (request, response, reader) => {
      request.readBy(reader);
      response.end("heard.");
    },
    true,
  ],
] as const satisfies [string, Serve, boolean][])
  test(`a request ${what} is let go of, though its connection stays`, async () => {
    const { socket, told, requests, responses } = await scene(serve);
    socket.write(head(4));
    if (isEarly) await answers(socket, 1);
    socket.write("okay");
    if (!isEarly) await answers(socket, 1);
    await until(() => told.includes("(end)"));
    expect(told).toEqual(["okay", "(end)"]);
    const held = requests.splice(0).map((request) => new WeakRef(request));
    responses.length = 0;
    while (held.some((one) => one.deref() !== undefined)) await collectGarbage();
    expect(socket.destroyed).toBe(false);
  });
