// Who leaves closes connections that nobody uses. One whose request has come and was not looked at yet, whose client has only
// just connected, or whose answer is still on its way is no such connection: a client that is cut cannot tell whether his
// request was taken, and a tool must not run twice.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { leavesNobodyCut } from "../../../../test/contract/departure.contract.ts";
import { createDeparture } from "./departure.ts";

/** Longer than a connection is kept open for its client's next request. */
const standstillMs = 500;

/** A client that goes on while its server's process stands still: asks, asks again when told to, and says what came of it. */
const client = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { port, sent } = workerData;
  const request = "POST / HTTP/1.1\\r\\nhost: a\\r\\ncontent-length: 0\\r\\n\\r\\n";
  const socket = require("node:net").connect(port, "127.0.0.1", () => socket.write(request));
  let answers = 0;
  socket.on("data", (data) => {
    answers += data.toString().split("HTTP/1.1 200").length - 1;
    parentPort.postMessage(answers);
  });
  socket.on("error", () => undefined);
  socket.on("close", () => process.exit(0));
  parentPort.on("message", () =>
    socket.write(request, () => {
      Atomics.store(sent, 0, 1);
      Atomics.notify(sent, 0);
    }),
  );
`;

leavesNobodyCut((server, keptOpenMs) => {
  const departure = createDeparture(server, keptOpenMs);
  return {
    see(_request, response, next) {
      departure.serve(response);
      next();
    },
    close: () => departure.drain(60_000),
  };
});

test("a request that came while the process stood still is answered before its connection is closed", async () => {
  const server = createServer((_request, response) => {
    departure.serve(response);
    response.end();
  });
  const departure = createDeparture(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const asking = new Worker(client, { eval: true, workerData: { port, sent } });
  const gone = once(asking, "exit");
  let answers = 0;
  asking.on("message", (count: number) => (answers = count));
  await once(asking, "message");

  const drained = departure.drain(10_000);
  asking.postMessage("again");
  expect(Atomics.wait(sent, 0, 0, 20_000)).not.toBe("timed-out");
  // The standstill itself; the request waits to be read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, standstillMs);
  await drained;
  await gone;
  expect(answers).toBe(2);
});
