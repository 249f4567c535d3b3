// What one worker brings another comes over a socket of its own: with a worker that cannot be told from another, or a client
// that could pretend to be one, calls would be answered by who does not own them.

import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askPool } from "../../../../test/support/ask-pool.ts";
import { until } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import type { OutgoingPool } from "../outgoing/pool.ts";
import type { OnRequest, Peer } from "./peer.ts";
import { createWorkerDialler, openWorkerSocket, workerSocketPath, type WorkerSocket } from "./worker-sockets.ts";

let directory: string;
let heard: (Peer & { by: string })[];
const stops: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-workers-"));
  heard = [];
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(directory, { recursive: true, force: true });
});

async function openSocket(slot: number, by: string, onRequest?: OnRequest): Promise<WorkerSocket> {
  const socket = await openWorkerSocket({
    ...{ directory, slot, boot: by, log: openLog("silent", {}) },
    onRequest(request, response, from) {
      heard.push({ ...from, by });
      if (onRequest) onRequest(request, response, from);
      else response.end(by);
    },
  });
  stops.push(() => socket.drain(0));
  return socket;
}

function diallerOf(own: number, at: string | undefined = directory) {
  const dialler = createWorkerDialler(at, own);
  stops.push(() => dialler.close());
  return dialler;
}

async function ask(pool: OutgoingPool, headers: readonly string[] = []): Promise<{ status: number; text: string }> {
  const { status, text } = await askPool(pool, { method: "POST", body: "asked", headers });
  return { status, text: await text() };
}

test("each worker is reached on its own socket, which is its user's alone, and told who asks", async () => {
  for (const slot of [0, 1, 12]) await openSocket(slot, `worker ${slot}`);
  const dialler = diallerOf(12);
  for (const slot of [0, 1]) expect(await ask(dialler.dial(slot))).toEqual({ status: 200, text: `worker ${slot}` });
  expect(heard).toEqual([
    { worker: 12, by: "worker 0" },
    { worker: 12, by: "worker 1" },
  ]);
  expect(statSync(workerSocketPath(directory, 0)).mode & 0o777).toBe(0o600);
});

test("a request that carries a client's own host is refused: it would say for another who he is", async () => {
  await openSocket(0, "worker 0");
  for (const host of ["tools.acme.eu", "w1.worker.tollgate.internal.acme.eu", "w01.worker.tollgate.internal"])
    expect(await ask(diallerOf(1).dial(0), ["host", host]), host).toMatchObject({ status: 400 });
  expect(heard).toEqual([]);
});

test("who takes the place of a worker that was killed has its socket, and those who knew the old one find the new one", async () => {
  const listens = `require("node:http").createServer((request, response) => response.end("the old one"))
    .listen(process.argv[1], () => console.log("listening"))`;
  const old = spawn(process.execPath, ["-e", listens, workerSocketPath(directory, 0)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  stops.push(() => old.kill("SIGKILL"));
  await once(old.stdout, "data");
  const dialler = diallerOf(1);
  expect(await ask(dialler.dial(0))).toMatchObject({ text: "the old one" });
  old.kill("SIGKILL");
  await once(old, "exit");
  await expect(ask(dialler.dial(0))).rejects.toThrow();
  await openSocket(0, "the new one");
  await until(async () => (await ask(dialler.dial(0))).text === "the new one", "the new one");
});

test("who takes the place of a worker that goes on is found from then on, and its name outlasts the one that goes", async () => {
  const old = await openSocket(0, "the old one");
  const texts = new Set<string>();
  let isOver = false;
  stops.push(() => (isOver = true));
  const asking = Array.from({ length: 4 }, async () => {
    // Each by a connection of its own: none was refused at any moment.
    while (!isOver) texts.add((await ask(diallerOf(1).dial(0))).text);
  });
  await until(() => texts.size === 1, "the old one");
  await openSocket(0, "the new one");
  await until(() => texts.size === 2, "the new one");
  const life = diallerOf(1).dialLife("the old one");
  expect((await ask(life)).text).toBe("the old one");
  await old.drain(10_000);
  await expect(ask(life)).rejects.toMatchObject({ code: "ENOENT" });
  texts.clear();
  await until(() => texts.size === 1, "whoever is there now");
  isOver = true;
  await Promise.all(asking);
  expect(texts).toEqual(new Set(["the new one"]));
});

test("who leaves ends what it was brought, and is not there for the next request", async () => {
  const responses: (() => void)[] = [];
  const socket = await openSocket(0, "worker 0", (_request, response) => {
    responses.push(() => response.end("late"));
  });
  const dialler = diallerOf(1);
  const under = ask(dialler.dial(0));
  await until(() => responses.length === 1, "the request");
  const drained = socket.drain(10_000);
  responses[0]?.();
  expect(await under).toEqual({ status: 200, text: "late" });
  await drained;
  await expect(ask(dialler.dial(0))).rejects.toMatchObject({ code: "ENOENT" });
});

test("who leaves while others come loses none of their requests: each is answered, or was never sent", async () => {
  const answered = { status: 200, text: "worker 0" };
  for (let round = 0; round < 50; round++) {
    const socket = await openSocket(0, "worker 0");
    socket.leave();
    const pool = diallerOf(1).dial(0);
    const asking = Array.from({ length: 4 }, async () => {
      for (;;) {
        const answer = await ask(pool).catch((error: unknown) => error);
        if (answer instanceof Error) return answer;
        expect(answer).toEqual(answered);
      }
    });
    await until(() => heard.length > 20 * (round + 1), "requests");
    await socket.drain(10_000);
    for (const error of await Promise.all(asking)) expect(error).toMatchObject({ syscall: "connect" });
  }
});

test("without a place for sockets a request fails, and does not look for the worker elsewhere", async () => {
  await expect(ask(createWorkerDialler(undefined, 1).dial(0))).rejects.toThrow("have no sockets");
});
