// What the suite finds through the shim has to be what it would find without it: a shim that rewrote `Host` would pass the
// rebinding scenario for a server that does not, and one that held back events or outlived its client would fail those of
// streams for a server that is right.

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { startShim } from "./shim.ts";

async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp?x=1`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** `fetch` sets Host itself. */
async function ask(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const sent = request(url, { method: "POST", headers, agent: false });
  sent.on("error", () => {});
  sent.end("{}");
  const [response] = await once(sent, "response");
  return response;
}

test("adds its headers, forbids compression, and passes the rest as it came", async () => {
  await using server = await serve((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(418, "As it came", { "x-answer": "1" });
    outgoing.end(JSON.stringify({ url: incoming.url, ...incoming.headers }));
  });
  await using shim = await startShim({ target: server.url, headers: { "x-tollgate-key": "tg_key_test" } });
  const sent = { host: "evil.example.com", origin: "http://evil.example.com", "accept-encoding": "gzip" };
  const response = await ask(shim.url, { ...sent, "x-tollgate-key": "of the client", "mcp-name": "one" });
  expect(response).toMatchObject({ statusCode: 418, statusMessage: "As it came", headers: { "x-answer": "1" } });
  const [body] = await once(response, "data");
  expect(JSON.parse(String(body))).toMatchObject({
    url: "/mcp?x=1",
    host: "evil.example.com",
    origin: "http://evil.example.com",
    "accept-encoding": "identity",
    "x-tollgate-key": "tg_key_test",
    "mcp-name": "one",
  });
});

async function throughShim() {
  await using opened = new AsyncDisposableStack();
  const served = Promise.withResolvers<ServerResponse>();
  const server = opened.use(
    await serve((incoming, outgoing) => {
      incoming.resume();
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      outgoing.flushHeaders();
      served.resolve(outgoing);
    }),
  );
  const shim = opened.use(await startShim({ target: server.url, headers: {} }));
  const response = await ask(shim.url, {});
  const outgoing = await served.promise;
  const kept = opened.move();
  return { response, outgoing, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test("passes each event on when it comes, before the answer ends", async () => {
  await using opened = await throughShim();
  const { response, outgoing } = opened;
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    outgoing.write(event);
    const [data] = await once(response, "data");
    expect(String(data)).toBe(event);
  }
  outgoing.end();
  await once(response, "end");
});

test("a client that goes away is gone for the server, too", async () => {
  await using opened = await throughShim();
  const closed = once(opened.outgoing, "close");
  opened.response.destroy();
  await closed;
  expect(opened.outgoing.writableFinished).toBe(false);
});

test("a server that breaks off breaks off for the client, too", async () => {
  await using opened = await throughShim();
  const failed = once(opened.response, "error");
  opened.response.resume();
  opened.outgoing.destroy();
  expect(await failed).toMatchObject([{ code: "ECONNRESET" }]);
});
