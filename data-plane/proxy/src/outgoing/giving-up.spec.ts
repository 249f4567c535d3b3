// A request that is given up must be over for its receiver, and for nobody else: an answer that comes after it would be taken
// for another one's, and a connection that was cut for nothing is a call of somebody's.

import { expect, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { ask, isClosed, ok, openWorld, answer, sayRaw, whole, type Asked } from "../fixtures/outgoing-fixture.ts";

const given = new Error("given up");
const abort = ({ controls }: Asked): void => controls.abort(given);

test("who gives up before anything was sent has sent nothing, and leaves the connection to the next", async () => {
  const { pool, served, sockets } = await openWorld(answer, { connectionsMax: 1 });
  await ask(pool, { path: "/first" }).over;
  const { over } = ask(pool, { path: "/no" }, { onRequestStart: abort });
  expect(await over).toMatchObject({ events: ["start", "error"], error: given });
  // The same where others wait for it.
  const asking = [ask(pool), ask(pool, { path: "/no" }, { onRequestStart: abort }), ask(pool, { path: "/last" })];
  for (const one of asking) await one.over;
  expect(served.map(({ path }) => path)).toEqual(["/first", "/", "/last"]);
  expect(sockets).toHaveLength(1);
});

test("many that were given up while they waited are all told so, and the one behind them is served", async () => {
  const { pool, served } = await openWorld(answer, { connectionsMax: 1 });
  const first = ask(pool);
  const asking = Array.from({ length: 5_000 }, () => ask(pool, { path: "/no" }, { onRequestStart: abort }));
  const last = ask(pool, { path: "/last" });
  await first.over;
  await until(() => last.asked.events.length > 1, "the last one's turn");
  expect(asking.filter(({ asked }) => asked.error !== given)).toHaveLength(0);
  expect(await last.over).toMatchObject({ text: "/last", events: whole });
  expect(served.map(({ path }) => path)).toEqual(["/", "/last"]);
});

test.each(["onRequestSent", "onResponseStart", "onResponseData"] as const)(
  "who gives up in %s is told so, and is given nothing more, though all of the answer is there",
  async (name) => {
    const { pool, sockets } = await openWorld((one) => sayRaw(one, `${ok}content-length: 4\r\n\r\nbody`));
    const { asked, over } = ask(pool, {}, { [name]: abort });
    const known = { onRequestSent: 2, onResponseStart: 3, onResponseData: 4 }[name];
    await over;
    expect(asked).toMatchObject({ events: [...whole.slice(0, known), "error"], error: given });
    await isClosed(sockets[0]);
    expect(await ask(pool).over).toMatchObject({ events: whole });
  },
);

test("who gives up while he is held up, or in the middle of a body, is told so", async () => {
  const { pool } = await openWorld((one) => sayRaw(one, `${ok}content-length: 9\r\n\r\nbody`));
  for (const hooks of [{ onResponseStart: ({ controls }: Asked) => controls.pause() }, {}]) {
    const { asked, over } = ask(pool, {}, hooks);
    await until(() => ["data", "200"].includes(asked.events.at(-1) ?? ""), "the answer's beginning");
    const events = [...asked.events, "error"];
    abort(asked);
    asked.controls.resume();
    expect(await over).toMatchObject({ error: given, events });
  }
});

test("what is held of a request after its end does nothing to the next one on its connection", async () => {
  const { pool, served, sockets } = await openWorld(() => undefined);
  const first = ask(pool);
  await until(() => served.length === 1, "the first request");
  served[0]?.response.end("1");
  await first.over;
  const second = ask(pool);
  await until(() => served.length === 2, "the second request");
  first.asked.controls.pause();
  abort(first.asked);
  first.asked.controls.resume();
  served[1]?.response.end("2");
  expect(await second.over).toMatchObject({ text: "2", events: whole });
  expect(first.asked.events).toEqual(whole);
  expect(sockets).toHaveLength(1);
});

test("who gives up and throws at once is told the first, and the next on that connection nothing of either", async () => {
  const { pool } = await openWorld(answer, { connectionsMax: 1 });
  const throws = (asked: Asked): void => {
    abort(asked);
    throw new Error("a bug");
  };
  const asking = [ask(pool), ask(pool, {}, { onRequestStart: throws }), ask(pool, { path: "/last" })];
  expect(await asking[1]?.over).toMatchObject({ events: ["start", "error"], error: given });
  expect(await asking[2]?.over).toMatchObject({ text: "/last", events: whole });
});
