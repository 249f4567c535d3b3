// What reading a body leaves behind, over a real socket: calls to models hold theirs for as long as they last, by the thousand.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { bytesInUse } from "../fixtures/heap.ts";
import { readBody, type BodyOutcome } from "./body.ts";
import { GateRequest } from "./gate-request.ts";

const bodyBytes = 1024 * 1024;
const calls = 16;

test("a body that came in pieces is held once while its request is under way", async () => {
  const held: { request: GateRequest; result: BodyOutcome }[] = [];
  const server = createServer({ IncomingMessage: GateRequest }, (request, response) => {
    readBody(request, 2 * bodyBytes, (result) => {
      held.push({ request, result });
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  // A server that listens on TCP has an address of that kind.
  const { port } = server.address() as AddressInfo;
  const send = async () => fetch(`http://127.0.0.1:${port}`, { method: "POST", body: new Uint8Array(bodyBytes) });
  await (await send()).arrayBuffer();
  const before = await bytesInUse();
  for (let call = 0; call < calls; call++) await (await send()).arrayBuffer();
  const grown = (await bytesInUse()) - before;
  expect(held).toHaveLength(calls + 1);
  for (const { result } of held) expect(result.outcome === "read" && result.bytes.length).toBe(bodyBytes);
  expect(grown).toBeGreaterThan(calls * bodyBytes * 0.9);
  expect(grown).toBeLessThan(calls * bodyBytes * 1.5);
});
