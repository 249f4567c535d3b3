// The gate's own exchanges share a server's connections with everybody's calls: one that is given up must hold none of them,
// and one that is sent too much must take neither the memory nor the rest.

import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { ServerSchema } from "@tollgate/schema/resources";
import { Pool } from "undici";
import { afterEach, expect, test } from "vitest";
import { startScripted, until, type Received } from "../fixtures/gate-fixture.ts";
import { createDeadlines } from "./deadlines.ts";
import { exchange, meterUpTo, unread, type ExchangeRequest } from "./exchange.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A server with a single connection to it. */
async function startWith(onRequest: (received: Received) => void) {
  const scripted = await startScripted(onRequest);
  const pool = new Pool(new URL(scripted.url).origin, { connections: 1, headersTimeout: 0, bodyTimeout: 0 });
  const deadlines = createDeadlines();
  stops.push(scripted.stop, () => pool.destroy(), deadlines.close);
  const upstream = { server: create(ServerSchema), pool, path: "/mcp", timeoutMs: 60_000 };
  const ask = <Answer = undefined>(method: string, more: Partial<ExchangeRequest<Answer | undefined>> = {}) =>
    exchange(upstream, deadlines, {
      ...{ method: "POST", headers: ["content-type", "application/json"], body: JSON.stringify({ method }) },
      ...{ timeoutMs: 60_000, meter: meterUpTo(1_000), readerOf: unread },
      ...more,
    });
  return { ask, received: scripted.received };
}

const codeOf = (error: unknown) => (error instanceof TollgateError ? error.code : error);

test("an exchange that runs out of time while it waits for a connection is never sent, and holds no connection later", async () => {
  const { ask, received } = await startWith(({ method, response }) => {
    // What was given up is never answered either: on its connection, nothing else would ever come.
    if (method === "last") response.end();
  });
  const first = ask("first");
  await until(() => received.length === 1, "the connection to be taken");
  expect(await ask("given-up", { timeoutMs: 1 }).catch(codeOf)).toBe("upstream.timeout");
  const last = ask("last");
  received[0]?.response.end();
  expect([(await first).status, (await last).status]).toEqual([200, 200]);
  expect(received.map(({ method }) => method)).toEqual(["first", "last"]);
});

test("an exchange that runs out of time on its connection closes it", async () => {
  const { ask, received } = await startWith(({ method, response }) => {
    if (method === "last") response.end();
  });
  expect(await ask("slow", { timeoutMs: 1 }).catch(codeOf)).toBe("upstream.timeout");
  expect((await ask("last")).status).toBe(200);
  expect(received.map(({ method }) => method).at(-1)).toBe("last");
});

test("bytes beyond the meter are never read, and the server is cut off", async () => {
  const closed = Promise.withResolvers<unknown>();
  const { ask } = await startWith(({ response }) => {
    closed.resolve(once(response, "close"));
    response.writeHead(200).write("x".repeat(900));
    response.write("x".repeat(200));
  });
  let readBytes = 0;
  const readerOf = () => ({ push: ({ length }: Buffer) => (readBytes += length) < 0, answer: () => undefined });
  expect(await ask("much", { readerOf }).catch(codeOf)).toBe("upstream.too-large");
  expect(readBytes).toBeLessThanOrEqual(1_000);
  await closed.promise;
});

test("what is enough ends an exchange whose server goes on, and each byte was shown once", async () => {
  const lines = ["one\n", "two\n", "three\n"];
  const { ask } = await startWith(({ response }) => {
    response.writeHead(200);
    for (const line of lines) response.write(line);
  });
  let text = "";
  const readerOf = () => ({
    push(chunk: Buffer) {
      text += chunk.toString();
      return text.endsWith("three\n");
    },
    answer: () => text,
  });
  expect((await ask<string>("stream", { readerOf })).answer).toBe(lines.join(""));
});
