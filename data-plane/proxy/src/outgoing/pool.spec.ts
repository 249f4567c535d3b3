// Requests share connections, and must not feel it: an answer that came to the wrong one would show a client another one's
// data, a request that waits for a connection which is gone would never end, and one that was sent twice would do a tool's
// work twice. All of it over real sockets.

import { expect, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { answer, ask, isClosed, ok, openWorld, sayRaw, whole, type Served } from "../fixtures/outgoing-fixture.ts";
import { connecting } from "./connect.ts";

test("requests that follow each other go over one connection, each with its own answer", async () => {
  const { pool, sockets } = await openWorld();
  for (const path of ["/a", "/b", "/c", "/d"])
    expect(await ask(pool, { path, method: "POST", body: path }).over).toMatchObject({ text: path, events: whole });
  expect(sockets).toHaveLength(1);
  expect(pool.isIdle).toBe(true);
});

test("no more connections than allowed are opened, and who waits for one is served in order", async () => {
  const { pool, served, sockets } = await openWorld(() => undefined);
  const asking = ["/0", "/1", "/2", "/3", "/4", "/5"].map((path) => ask(pool, { path }));
  for (let at = 0; at < asking.length; at++) {
    const known = Math.min(at + 2, asking.length);
    await until(() => served.length === known, "the next request");
    served[at]?.response.end(served[at]?.path);
  }
  for (const [at, { over }] of asking.entries()) expect(await over).toMatchObject({ text: `/${at}` });
  expect(served.map(({ path }) => path).slice(2)).toEqual(["/2", "/3", "/4", "/5"]);
  expect(sockets).toHaveLength(2);
});

test("a connection that nobody used for as long as it is kept is closed, and is not used in between", async () => {
  const { pool, sockets } = await openWorld(answer, { idleMs: 5 });
  await ask(pool).over;
  await isClosed(sockets[0]);
  await ask(pool).over;
  // Its time is over, and no timer can have said so.
  for (const end = performance.now() + 10; performance.now() < end;);
  await ask(pool).over;
  expect(sockets).toHaveLength(3);
});

test("a connection that its server keeps for a second or less is not used again", async () => {
  const say = (one: Served) => sayRaw(one, `${ok}keep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n`);
  const { pool, sockets } = await openWorld(say);
  for (let round = 0; round < 2; round++) await ask(pool).over;
  expect(sockets).toHaveLength(2);
});

test("a connection that is kept long does not keep one open that is not: its server would close it first", async () => {
  const hints = ["keep-alive: timeout=600\r\n", ""];
  const { pool, served, sockets } = await openWorld(() => undefined, { idleMs: 5 });
  const asking = [ask(pool), ask(pool)];
  await until(() => served.length === 2, "both requests");
  for (const [at, one] of served.entries()) {
    sayRaw(one, `${ok}${hints[at]}content-length: 0\r\n\r\n`);
    await until(() => asking.filter(({ asked }) => asked.events.includes("end")).length === at + 1, "the answer");
  }
  await until(() => sockets.some(({ destroyed }) => destroyed), "the end of the one that is not kept");
  expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([served[1]?.request.socket]);
});

test("a server that closes a connection which nobody uses costs no request", async () => {
  const { pool, sockets } = await openWorld();
  for (let round = 0; round < 10; round++) {
    expect(await ask(pool).over).toMatchObject({ events: whole });
    sockets[round]?.end();
    await isClosed(sockets[round]);
  }
  expect(sockets).toHaveLength(10);
});

test("what nobody asked for answers nobody: neither between two requests, nor behind an answer", async () => {
  const unasked = `${ok}content-length: 6\r\n\r\nforged`;
  const { pool, sockets } = await openWorld((one) => {
    if (one.path === "/behind") sayRaw(one, `${ok}content-length: 7\r\n\r\n/behind${unasked}`);
    else answer(one);
  });
  await ask(pool).over;
  sockets[0]?.write(unasked);
  await isClosed(sockets[0]);
  for (const path of ["/behind", "/next"]) expect(await ask(pool, { path }).over).toMatchObject({ text: path });
  expect(sockets).toHaveLength(3);
});

test("a connection that cannot be opened fails only the request that it was opened for", async () => {
  const connector = connecting({});
  let dials = 0;
  const refused = new Error("refused");
  const { pool, sockets } = await openWorld(answer, {
    connectionsMax: 1,
    connect: (options, callback) =>
      ++dials === 1 ? setImmediate(() => callback(refused, null)) : connector(options, callback),
  });
  const asking = [ask(pool), ask(pool), ask(pool)];
  expect(await asking[0]?.over).toMatchObject({ events: ["error"], error: refused });
  for (const { over } of asking.slice(1)) expect(await over).toMatchObject({ events: whole });
  expect(sockets).toHaveLength(1);
});

test("who closes lets end what is under way and what waits, and takes nothing new", async () => {
  const { pool, served, sockets } = await openWorld(() => undefined, { connectionsMax: 1 });
  const asking = [ask(pool), ask(pool)];
  await until(() => served.length === 1, "the request");
  let isOver = false;
  const closed = pool.close().then(() => (isOver = true));
  expect((await ask(pool).over).error?.code).toBe("HTTP_POOL_CLOSED");
  served[0]?.response.end("a");
  await until(() => served.length === 2, "the one that waited");
  expect(isOver).toBe(false);
  served[1]?.response.end("b");
  await closed;
  for (const [at, { over }] of asking.entries()) expect(await over).toMatchObject({ text: "ab"[at], events: whole });
  await isClosed(sockets[0]);
});

test("who destroys ends all of it at once: what is dialled, sent, given and waits", async () => {
  const { pool, served } = await openWorld((one) => sayRaw(one, `${ok}content-length: 9\r\n\r\nbody`));
  const asking = [ask(pool)];
  await until(() => asking[0]?.asked.events.includes("data") === true && served.length === 1, "the answer's beginning");
  asking.push(ask(pool), ask(pool));
  await pool.destroy();
  for (const { over } of asking) expect((await over).error?.code).toBe("HTTP_POOL_CLOSED");
  expect(asking.map(({ asked }) => asked.events.filter((event) => event === "error").length)).toEqual([1, 1, 1]);
});

test("a way to connect that throws fails the request that it was for, and takes no place", async () => {
  const connector = connecting({});
  const thrown = new Error("no way");
  let dials = 0;
  const { pool } = await openWorld(answer, {
    connectionsMax: 1,
    connect(options, callback) {
      if (++dials === 1) throw thrown;
      connector(options, callback);
    },
  });
  expect(await ask(pool).over).toMatchObject({ events: ["error"], error: thrown });
  expect(await ask(pool).over).toMatchObject({ events: whole });
  await pool.close();
});
