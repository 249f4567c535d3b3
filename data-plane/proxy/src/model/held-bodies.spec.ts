// What calls that last hold of what they were asked: nothing, once their answers have begun. A body is up to 32 MiB, an answer
// goes on for minutes, and a worker has thousands of them at a time.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { bytesInUse } from "../fixtures/heap.ts";
import { bytesOf, open, provider, send, startModelGate } from "../fixtures/model-fixture.ts";

const bodyBytes = 1024 * 1024;
const calls = 16;
const body = Buffer.from(`{"model":"p/m","stream":true,"text":"${"x".repeat(bodyBytes - 39)}"}`);

/** Keeps nothing of what it is asked. */
async function startForgetful() {
  const held: ServerResponse[] = [];
  let received = 0;
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => (received += chunk.length));
    request.on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: {}\n\n");
      held.push(response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { held, url: `http://127.0.0.1:${port}`, received: () => received };
}

test("a call whose answer has begun holds nothing of its body, and takes no room from others", async () => {
  const upstream = await startForgetful();
  const settings = { TOLLGATE_MODEL_BODIES_BYTES_MAX: String(1.5 * bodyBytes) };
  const gate = await startModelGate([provider("p", upstream.url)], { settings });
  const ask = () => open(gate, "/anthropic/v1/messages", { body });
  const first = await ask();
  const before = await bytesInUse();
  const answers = [first];
  for (let call = 1; call < calls; call++) answers.push(await ask());
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(calls).fill(200));
  const grown = (await bytesInUse()) - before;
  expect(grown / (calls - 1)).toBeLessThan(bodyBytes * 0.25);
  // Under another name for the model, and whole.
  expect(upstream.received()).toBe(calls * (body.length - "p/".length));
  for (const response of upstream.held) response.end();
  await Promise.all(answers.map(bytesOf));
});

test("a large body is sent whole to each credential that is tried", async () => {
  const seen: number[] = [];
  const server = createServer((request, response) => {
    void bytesOf(request).then((bytes) => {
      seen.push(bytes.length);
      response.writeHead(seen.length < 3 ? 529 : 200, { "content-length": "2" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const credentials = ["one", "two", "three"].map((name) => ({ name }));
  const gate = await startModelGate([provider("p", `http://127.0.0.1:${port}`, { credentials })]);
  expect((await send(gate, "/anthropic/v1/messages", { body })).status).toBe(200);
  await until(() => seen.length === 3, "three attempts");
  expect(seen).toEqual(Array(3).fill(body.length - "p/".length));
});
