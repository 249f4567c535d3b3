// When a server closes or says more than it was asked, at the worst moment. What was whole must come whole to a receiver that
// is slow; what was cut must never look whole; and no request goes out on a connection that may not answer it.

import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { answer, ask, ok, openWorld, sayRaw, whole, type Asked, type Hooks } from "../fixtures/outgoing-fixture.ts";

const pausing = (name: keyof Hooks): Hooks => ({ [name]: ({ controls }: Asked) => controls.pause() });
const counted = `${ok}content-length: 4\r\n\r\nbody`;
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`;

// With TLS what the server said last, its end among it, may have been read before anybody could hold it up.
describe.each([{ isSecure: false }, { isSecure: true }])("over TLS: $isSecure", ({ isSecure }) => {
  /** All that the server says has come, and its end, as far as it is taken while the receiver is held up. */
  const hasSaidAll = (socket: Socket | undefined) =>
    until(() => (isSecure ? socket?.destroyed : socket?.writableFinished) === true, "the end of what the server says");

  test.each([
    ["counted, held up at its end", counted, "onResponseData"],
    ["in chunks, held up at the first", chunked, "onResponseData"],
    ["in chunks, held up at its head", chunked, "onResponseStart"],
    ["until the connection closes, held up at its head", `${ok}\r\nbody`, "onResponseStart"],
  ] as const)("an answer %s is whole though its server has closed meanwhile", async (_title, text, name) => {
    const { pool, sockets } = await openWorld(({ request }) => void request.socket.end(text), { isSecure });
    let isHeld = true;
    const { asked, over } = ask(pool, {}, { [name]: (one: Asked) => isHeld && one.controls.pause() });
    await until(() => asked.events.includes("200"), "its head");
    await hasSaidAll(sockets[0]);
    expect(asked.events).not.toContain("end");
    isHeld = false;
    asked.controls.resume();
    expect(await over).toMatchObject({ text: "body", events: whole });
  });

  test("an answer that is cut while its receiver is held up is an error when he has read the rest", async () => {
    const { pool, sockets } = await openWorld(
      ({ request }) => void request.socket.end(`${ok}content-length: 9\r\n\r\nbody`),
      { isSecure },
    );
    const { asked, over } = ask(pool, {}, pausing("onResponseStart"));
    await until(() => asked.events.includes("200"), "its head");
    await hasSaidAll(sockets[0]);
    asked.controls.resume();
    expect((await over).error?.code).toBe("HTTP_CLOSED_EARLY");
    expect(asked.text).toBe("body");
  });

  test("who gives up what is held up and closed is told so, and so is he whose pool ends", async () => {
    const { pool, sockets } = await openWorld(({ request }) => void request.socket.end(counted), { isSecure });
    const given = new Error("given up");
    const first = ask(pool, {}, pausing("onResponseStart"));
    const second = ask(pool, {}, pausing("onResponseStart"));
    for (const { asked } of [first, second]) await until(() => asked.events.includes("200"), "the heads");
    for (const at of [0, 1]) await hasSaidAll(sockets[at]);
    first.asked.controls.abort(given);
    expect((await first.over).error).toBe(given);
    await pool.destroy();
    expect((await second.over).error?.code).toBe("HTTP_POOL_CLOSED");
  });
});

test("who holds his answer up while the connection opens is given none of it, and no more is read than he holds", async () => {
  const { pool, served } = await openWorld(({ response }) => void response.end(Buffer.alloc(32 << 20)));
  const { asked, over } = ask(pool, {}, pausing("onRequestStart"));
  await until(() => served[0]?.request.socket.writableLength !== 0 && served.length > 0, "the server's answer");
  for (let turn = 0; turn < 2_000; turn++) await nextTurn();
  expect(served[0]?.response.writableFinished).toBe(false);
  expect(asked.events).toEqual(["start", "sent"]);
  asked.controls.resume();
  expect((await over).text).toHaveLength(32 << 20);
});

test("what a server says ahead of a request does not answer it", async () => {
  const { pool, served } = await openWorld((one) => (one.path === "/next" ? answer(one) : sayRaw(one, counted)), {
    connectionsMax: 1,
  });
  const first = ask(pool, {}, pausing("onResponseData"));
  await until(() => first.asked.text === "body", "the body");
  const [one] = served;
  const forged = `${ok}content-length: 6\r\n\r\nforged`;
  await new Promise((resolve) => one?.request.socket.write(forged, resolve));
  const next = ask(pool, { path: "/next" });
  first.asked.controls.resume();
  await first.over;
  expect(await next.over).toMatchObject({ text: "/next", events: whole });
});

test("a request that finds its connection reset, which nobody could see yet, goes out on another one", async () => {
  const { pool, served, sockets } = await openWorld();
  await ask(pool).over;
  // For so long this process sees nothing of what comes.
  for (const startMs = performance.now(); performance.now() - startMs < 10;);
  sockets[0]?.resetAndDestroy();
  expect(await ask(pool, { path: "/next" }).over).toMatchObject({ text: "/next", events: whole });
  expect([served.length, sockets.length]).toEqual([2, 2]);
});

test("a large body for a connection that is gone is not said to be sent", async () => {
  const { pool, sockets } = await openWorld();
  await ask(pool).over;
  sockets[0]?.resetAndDestroy();
  expect((await ask(pool, { method: "POST", body: Buffer.alloc(1 << 20) }).over).events).toEqual(["start", "error"]);
});

test("a connection whose server answered, and read no more of a large request, is not used again", async () => {
  const { pool, sockets } = await openWorld((one) => {
    if (one.path === "/next") return answer(one);
    one.request.pause();
    sayRaw(one, "HTTP/1.1 413 no\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n");
  });
  const large = ask(pool, { method: "POST", path: "/large", body: Buffer.alloc(32 << 20) });
  expect((await large.over).events).toEqual(["start", "413", "end"]);
  expect(await ask(pool, { path: "/next" }).over).toMatchObject({ text: "/next", events: whole });
  expect(sockets).toHaveLength(2);
});

test("who destroys does not wait for a connection that is never made", async () => {
  const { pool } = await openWorld(answer, { connect: () => undefined });
  const one = ask(pool);
  await pool.destroy();
  expect((await one.over).error?.code).toBe("HTTP_POOL_CLOSED");
});
