// Sessions are shared by all clients of a worker, so what one of them does, or what becomes of the server's record, must reach
// none of the others: a throw in a timer would end the worker with everybody's calls, and so would a session's end with those
// that run in it.

import { create } from "@bufbuild/protobuf";
import { ServerSchema } from "@tollgate/schema/resources";
import { afterEach, expect, test } from "vitest";
import { newId, startScripted, until } from "../fixtures/gate-fixture.ts";
import { createSecretValues } from "../upstream/secret-values.ts";
import { createUpstreams } from "../upstream/upstreams.ts";
import { openSessions } from "./upstream-session.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const idleMs = 60_000;

async function startWith() {
  const names = ["a", "b", "c"];
  const session = { id: () => names.shift() ?? "", knows: () => true };
  const scripted = await startScripted(({ response }) => void response.end(), session);
  const secretId = newId();
  const secrets = createSecretValues();
  secrets.replace([{ id: secretId, version: 1, value: Buffer.from("value") }]);
  const upstreams = createUpstreams(secrets);
  stops.push(scripted.stop, upstreams.close);
  const headers = [{ name: "x-auth", prefix: "", secretId }];
  const fields = { id: newId(), name: "s", url: scripted.url, timeoutSeconds: 5, allowPrivateNetwork: true };
  const upstream = upstreams.of(create(ServerSchema, { ...fields, headers }));
  // Deadlines that are late when the spec says so, whatever the time.
  const watched: { afterMs: number; onLate: () => void }[] = [];
  const deadlines = {
    watch(afterMs: number, onLate: () => void) {
      const entry = { afterMs, onLate };
      watched.push(entry);
      return () => void watched.splice(watched.indexOf(entry), 1);
    },
    close: () => undefined,
  };
  let nowMs = 0;
  const sessions = openSessions(upstream, upstreams, deadlines, () => nowMs);
  const sent = (method: string) => scripted.received.filter((entry) => entry.method === method);
  return {
    ...{ sessions, secrets, sent },
    /** A minute goes by, and a little: the timer for idle sessions, if one is set, rings. */
    minute() {
      nowMs += idleMs + 1;
      for (const entry of watched.filter(({ afterMs }) => afterMs === idleMs)) {
        watched.splice(watched.indexOf(entry), 1);
        entry.onLate();
      }
    },
  };
}

async function startTwo() {
  const world = await startWith();
  const { sessions } = world;
  const [first, second] = [await sessions.take("1"), await sessions.take("1")];
  expect([first.id, second.id]).toEqual(["a", "b"]);
  sessions.release(first, "1");
  sessions.release(second, "1");
  return { ...world, first, second };
}

test("a session that a burst needed is ended once it is idle, and the last one stays", async () => {
  const { sent, minute, sessions } = await startTwo();
  minute();
  await until(() => sent("DELETE").length === 1, "the server to be told");
  expect(sent("DELETE")[0]?.headers).toMatchObject({ "mcp-session-id": "a", "x-auth": "value" });
  minute();
  expect((await sessions.take("2")).id).toBe("b");
  expect(sent("DELETE")).toHaveLength(1);
});

// A retired server's secrets go with it, while its sessions are still watched by the timer.
test("where the server's credential has gone, an idle session is forgotten and a hang-up not told, and nothing throws", async () => {
  const { sent, minute, secrets, sessions, second } = await startTwo();
  secrets.replace([]);
  expect(() => sessions.abandon(second, "7")).not.toThrow();
  expect(minute).not.toThrow();
  expect((await sessions.take("2")).id).toBe("b");
  expect([sent("DELETE"), sent("notifications/cancelled")]).toEqual([[], []]);
});

test("after 256 hang-ups a session takes no more calls, and those that run in it go on", async () => {
  const { sent, sessions } = await startWith();
  const session = await sessions.take('"slow"');
  for (let id = 1; id <= 256; id++) {
    expect(sessions.take(String(id))).toBe(session);
    sessions.abandon(session, String(id));
  }
  const next = await sessions.take('"next"');
  expect([session.id, next.id]).toEqual(["a", "b"]);
  await until(() => sent("notifications/cancelled").length === 256, "the server to be told of each");
  const idOf = (body: string) => JSON.parse(body).params.requestId;
  expect(new Set(sent("notifications/cancelled").map(({ body }) => idOf(body))).size).toBe(256);
  // An end of the session would end the slow call at the server.
  expect(sent("DELETE")).toEqual([]);
  expect(sessions.headers(session)).toContain("a");
  sessions.release(session, '"slow"');
  expect(await sessions.take('"slow"')).toBe(next);
});
