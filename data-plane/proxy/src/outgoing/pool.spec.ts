// Requests share connections, and must not feel it: an answer that came to the wrong one would show a client another one's
// data, a request that waits for a connection which is gone would never end, and one that was sent twice would do a tool's
// work twice. All of it over real sockets.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { connecting } from "./connect.ts";
import type { Controls, OutgoingRequest, Receiver } from "./outgoing.ts";
import { OutgoingPool, type PoolOptions } from "./pool.ts";

type Served = { readonly path: string; readonly request: IncomingMessage; readonly response: ServerResponse };
type World = { readonly pool: OutgoingPool; readonly served: Served[]; readonly sockets: Socket[]; origin: string };

const answer: (one: Served) => void = ({ response, path }) => void response.end(path);

/** What `onServed` writes to a response's socket goes out as it is. */
async function openWorld(onServed = answer, options: Partial<PoolOptions> = {}): Promise<World> {
  const served: Served[] = [];
  const sockets: Socket[] = [];
  // It says nothing of how long it keeps a connection, and keeps it.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const one = { path: request.url ?? "", request, response };
    served.push(one);
    onServed(one);
  });
  server.on("connection", (socket) => sockets.push(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pool = new OutgoingPool(origin, { connectionsMax: 2, connect: connecting({}), ...options });
  onTestFinished(() => {
    // Not waited for: a pool that never gets empty fails its own test, and holds up no other.
    void pool.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { pool, served, sockets, origin };
}

/** Raw on its connection, where the server has said nothing yet. */
const sayRaw = ({ request }: Served, text: string): void => void request.socket.write(text, "latin1");
const ok = "HTTP/1.1 200 OK\r\n";

type Asked = { events: string[]; text: string; error: (Error & { code?: string }) | undefined; controls: Controls };
type Hooks = { [name in keyof Receiver]?: (asked: Asked) => void };

const untold: Controls = { pause: () => undefined, resume: () => undefined, abort: () => undefined };

/** `over` resolves with the last event, in the turn after it: what came behind it would be among the events. */
function ask(pool: OutgoingPool, request: Partial<OutgoingRequest> = {}, hooks: Hooks = {}) {
  const asked: Asked = { events: [], text: "", error: undefined, controls: untold };
  const over = Promise.withResolvers<Asked>();
  const tell = (event: string, name: keyof Receiver): void => {
    asked.events.push(event);
    if (name === "onResponseEnd" || name === "onResponseError") setImmediate(() => over.resolve(asked));
    hooks[name]?.(asked);
  };
  const receiver: Receiver = {
    onRequestStart(controls) {
      asked.controls = controls;
      tell("start", "onRequestStart");
    },
    onRequestSent: () => tell("sent", "onRequestSent"),
    onResponseStart: ({ status }) => tell(String(status), "onResponseStart"),
    onResponseData(chunk) {
      asked.text += chunk.toString("latin1");
      if (asked.events.at(-1) !== "data") asked.events.push("data");
      hooks.onResponseData?.(asked);
    },
    onResponseEnd: () => tell("end", "onResponseEnd"),
    onResponseError(error) {
      asked.error = error;
      tell("error", "onResponseError");
    },
  };
  pool.dispatch({ method: "GET", path: "/", headers: [], body: null, ...request }, receiver);
  return { asked, over: over.promise };
}

const whole = ["start", "sent", "200", "data", "end"];
const isClosed = (socket: Socket | undefined) => until(() => socket?.destroyed === true, "the connection's end");

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

async function* inPieces(pieces: readonly Buffer[], gate?: Promise<unknown>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield piece;
  await gate;
}

test("an answer that comes before all of the request is whole, and its connection is not used again", async () => {
  const { pool, sockets } = await openWorld();
  const gate = Promise.withResolvers<undefined>();
  const body = inPieces([Buffer.from("half")], gate.promise);
  const { over } = ask(pool, { path: "/early", method: "POST", headers: ["content-length", "8"], body });
  expect(await over).toMatchObject({ text: "/early", events: ["start", "200", "data", "end"] });
  gate.resolve(undefined);
  await isClosed(sockets[0]);
  expect(await ask(pool).over).toMatchObject({ events: whole });
  expect(sockets).toHaveLength(2);
});

test("a large body in pieces arrives whole, and so does one in one piece", async () => {
  const sent = Buffer.alloc(8 << 20, "0123456789abcdef!");
  const pieces = Array.from({ length: 128 }, (_, at) => sent.subarray(at << 16, (at + 1) << 16));
  const { pool, sockets } = await openWorld(({ request, response }) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(String(Buffer.concat(chunks).equals(sent))));
  });
  const headers = ["content-length", String(sent.length)];
  for (const body of [inPieces(pieces), sent, sent.toString("latin1")])
    expect(await ask(pool, { method: "PUT", headers, body }).over).toMatchObject({ text: "true", events: whole });
  expect(sockets).toHaveLength(1);
});

test("a body that is not as long as was said, or that breaks, is an error and never a request that looks whole", async () => {
  const { pool, served } = await openWorld(() => undefined);
  async function* breaking(): AsyncGenerator<Buffer> {
    yield Buffer.from("abc");
    await Promise.reject(new Error("broke"));
  }
  const bodies = [inPieces([Buffer.from("abc")]), inPieces([Buffer.from("abc"), Buffer.from("def")]), breaking()];
  for (const [at, body] of bodies.entries()) {
    const { over } = ask(pool, { method: "POST", headers: ["content-length", "5"], body });
    expect((await over).error?.message).toContain(at < 2 ? "has not the 5 bytes" : "broke");
  }
  await until(() => served.every(({ request }) => request.destroyed), "the end of what came");
  expect(served.some(({ request }) => request.complete)).toBe(false);
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

test("what cannot be sent as it is is told as an error, and none of it is sent", async () => {
  const { pool, sockets } = await openWorld();
  const headers = [
    ...["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\u0161", "a\x7f"].map((value) => ["x", value]),
    ...["", "a b", "a:", "a\r\n", "\xe9"].map((name) => [name, "x"]),
    ...["Connection", "transfer-encoding", "TE", "Trailer", "Upgrade", "Expect", "keep-alive"].map((name) => [
      name,
      "x",
    ]),
    ...["3", "5", "-4", "4, 4", "0x4", "04", "", " 4"].map((length) => ["content-length", length]),
    ["content-length", "4", "Content-Length", "4"],
  ];
  const wrong: Partial<OutgoingRequest>[] = [
    ...headers.map((one) => ({ method: "POST", body: "body", headers: one })),
    ...["", "/a b", "/\r\n", "/\u0161", "/\0"].map((path) => ({ path })),
    ...["", "GE T", "GET\r\n", "GET/"].map((method) => ({ method })),
    { method: "POST", body: inPieces([]) },
  ];
  for (const request of wrong)
    expect((await ask(pool, request).over).events, JSON.stringify(request)).toEqual(["error"]);
  expect(sockets).toHaveLength(0);
});

test("a host that is said twice is not sent: two servers would take it for two", async () => {
  const { pool, sockets } = await openWorld();
  expect((await ask(pool, { headers: ["host", "a", "Host", "b"] }).over).events).toEqual(["error"]);
  expect(sockets).toHaveLength(0);
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

test.each(
  named.flatMap(
    (name) =>
      [
        [name, "in one piece"],
        [name, "in pieces"],
      ] as const,
  ),
)(
  "a receiver that throws in %s gets its error as the last that it gets (body %s), and harms nobody else",
  async (name, kind) => {
    const { pool } = await openWorld(answer, { connectionsMax: 1 });
    const throwing: Hooks = {
      [name]: () => {
        throw thrown;
      },
    };
    const body = kind === "in pieces" ? inPieces([Buffer.from("body")]) : "body";
    const first = ask(pool, { method: "POST", headers: ["content-length", "4"], body }, throwing);
    const second = ask(pool, { path: "/next" });
    expect(await first.over.then(({ error }) => error)).toBe(thrown);
    expect(first.asked.events.at(-1)).toBe("error");
    expect(await second.over).toMatchObject({ text: "/next", events: whole });
  },
);
