// A request and its answer on their way: large bodies, a receiver that is slow or has a bug, a server that answers early or
// goes. What is not whole must never look whole, and what one receiver does must not reach the next.

import { expect, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { answer, ask, isClosed, ok, openWorld, whole, type Hooks } from "../fixtures/outgoing-fixture.ts";

test("an answer that comes before all of the request is whole, and its connection is not used again", async () => {
  const { pool, sockets } = await openWorld();
  const { over } = ask(pool, { path: "/early", method: "POST", body: Buffer.alloc(32 << 20) });
  expect(await over).toMatchObject({ text: "/early", events: ["start", "200", "data", "end"] });
  await isClosed(sockets[0]);
  expect(await ask(pool).over).toMatchObject({ events: whole });
  expect(sockets).toHaveLength(2);
});

test("a large body arrives whole", async () => {
  const sent = Buffer.alloc(8 << 20, "0123456789abcdef!");
  const { pool, sockets } = await openWorld(({ request, response }) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(String(Buffer.concat(chunks).equals(sent))));
  });
  const headers = ["content-length", String(sent.length)];
  for (const body of [sent, sent.toString("latin1")])
    expect(await ask(pool, { method: "PUT", headers, body }).over).toMatchObject({ text: "true", events: whole });
  expect(sockets).toHaveLength(1);
});

test("a receiver that is held up holds up its server: it could fill the memory otherwise", async () => {
  const bytesMost = 64 << 20;
  const chunk = Buffer.alloc(1 << 16);
  let written = 0;
  const { pool } = await openWorld((one) => {
    if (one.path !== "/large") return answer(one);
    const { response } = one;
    response.writeHead(200, { "content-length": bytesMost });
    const write = (): void => {
      while (written < bytesMost) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  });
  let bytesGiven = 0;
  const hooks: Hooks = { onResponseStart: ({ controls }) => controls.pause() };
  const { asked, over } = ask(
    pool,
    { path: "/large" },
    {
      ...hooks,
      onResponseData(one) {
        bytesGiven += one.text.length;
        one.text = "";
      },
    },
  );
  await until(() => asked.events.includes("200"), "the head");
  // As long as it writes: the other requests give it all the turns that it wants.
  for (let before = -1; before !== written;) {
    before = written;
    for (let turn = 0; turn < 50; turn++) await ask(pool).over;
  }
  expect(bytesGiven).toBe(0);
  expect(written).toBeLessThan(bytesMost / 2);
  asked.controls.resume();
  expect((await over).events).toEqual(whole);
  expect(bytesGiven).toBe(bytesMost);
});

test.each(["", ok, `${ok}content-length: 9\r\n\r\nbody`, `${ok}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n`])(
  "a server that closes after %j has not answered",
  async (text) => {
    const { pool } = await openWorld(({ request }) => void request.socket.end(text));
    const { error, events } = await ask(pool).over;
    expect([error?.code, events.at(-1)]).toEqual(["HTTP_CLOSED_EARLY", "error"]);
  },
);

const named = ["onRequestStart", "onRequestSent", "onResponseStart", "onResponseData", "onResponseEnd"] as const;
const thrown = new Error("a bug");

test.each(named.flatMap((name) => [4, 1 << 20].map((bytes) => [name, bytes] as const)))(
  "a receiver that throws in %s gets its error as the last that it gets (body of %d), and harms nobody else",
  async (name, bytes) => {
    const { pool } = await openWorld(answer, { connectionsMax: 1 });
    const throwing: Hooks = {
      [name]: () => {
        throw thrown;
      },
    };
    const first = ask(pool, { method: "POST", body: Buffer.alloc(bytes) }, throwing);
    const second = ask(pool, { path: "/next" });
    expect(await first.over.then(({ error }) => error)).toBe(thrown);
    expect(first.asked.events.at(-1)).toBe("error");
    expect(await second.over).toMatchObject({ text: "/next", events: whole });
  },
);
