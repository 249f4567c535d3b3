// Shared keys as the whole fleet relies on them: a handle that one proxy made is opened by every other at any time within
// its life, which needs each key to be known before it is used and after it was replaced, whoever rotates, however many at
// once, and however long nobody asked.

import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Said } from "@tollgate/kernel/kafka-record";
import { limits } from "@tollgate/kernel/limits";
import { TickSchema } from "@tollgate/schema/sync";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { openRecordKeys } from "../relay/record-keys.ts";
import { currentKey, noticeMs, openKeyring, opensKeyring, type Keyring } from "./keyring.ts";

const masterKey = randomBytes(32);
const log = { id: "log", incarnation: 1 };
const said: Said = { kind: "tick", log, tick: create(TickSchema, { head: 1n, timeMs: 1n, hash: Buffer.alloc(32) }) };
const rotationMs = 1_000;
let own: TestDatabase;
let database: Database;
let nowMs: number;
let keyring: Keyring;

beforeEach(async () => {
  own = await createDatabase("keyring");
  database = await openDatabase({ url: own.url });
  nowMs = 1_800_000_000_000;
  keyring = openKeyring({ database, masterKey, nowMs: () => nowMs, rotationMs });
});

afterEach(async () => {
  await database?.close();
  await own?.drop();
});

const idsNow = async () => (await keyring.keys("sealing")).map(({ id }) => id);
const inUse = async () => currentKey(await keyring.keys("sealing"), nowMs).id;

test("a key is announced one rotation before it is used, and accepted for one after it was", async () => {
  const [first, second, ...others] = await keyring.keys("sealing");
  expect(others).toEqual([]);
  expect(first).toMatchObject({ id: 1, useFromMs: nowMs, acceptUntilMs: nowMs + 2 * rotationMs });
  expect(second).toMatchObject({ id: 2, useFromMs: nowMs + rotationMs, acceptUntilMs: undefined });
  const seen: [used: number, known: readonly number[]][] = [];
  for (let step = 0; step < 8; step++, nowMs += rotationMs / 2) seen.push([await inUse(), await idsNow()]);
  expect(seen).toEqual([
    [1, [1, 2]],
    [1, [1, 2]],
    [2, [1, 2, 3]],
    [2, [1, 2, 3]],
    [3, [2, 3, 4]],
    [3, [2, 3, 4]],
    [4, [3, 4, 5]],
    [4, [3, 4, 5]],
  ]);
});

test("who drew the keys at any time knows the one that is used a whole rotation later", async () => {
  for (let step = 0; step < 20; step++, nowMs += 130) {
    const known = new Map((await keyring.keys("sealing")).map(({ id, key }) => [id, key]));
    nowMs += rotationMs - 1;
    const used = currentKey(await keyring.keys("sealing"), nowMs);
    expect(known.get(used.id)).toEqual(used.key);
  }
});

test("processes that find the newest key in use at the same time make one next key between them", async () => {
  const others = await Promise.all(Array.from({ length: 3 }, () => openDatabase({ url: own.url })));
  const rings = others.map((other) => openKeyring({ database: other, masterKey, nowMs: () => nowMs, rotationMs }));
  for (let round = 2; round < 6; round++, nowMs += rotationMs) {
    const drawn = await Promise.all(rings.map((ring) => ring.keys("sealing")));
    for (const keys of drawn) expect(keys).toEqual(drawn[0]);
    expect(drawn[0]?.at(-1)?.id).toBe(round);
  }
  const secrets = await Promise.all(rings.map((ring) => ring.secret("epochs")));
  for (const secret of secrets) expect(secret).toEqual(secrets[0]);
  await Promise.all(others.map((other) => other.close()));
});

test("after a long outage the announced key is used, the one before it is accepted a little longer, and the next has its whole notice", async () => {
  await keyring.keys("sealing");
  nowMs += 50 * rotationMs;
  const keys = await keyring.keys("sealing");
  // The first was replaced when the second came into use, forty-nine rotations ago.
  expect(keys.map(({ id }) => id)).toEqual([2, 3]);
  expect(currentKey(keys, nowMs).id).toBe(2);
  expect(keys[1]?.useFromMs).toBe(nowMs + rotationMs);
  expect(keys[0]?.acceptUntilMs).toBe(nowMs + 2 * rotationMs);
});

test("keys that nobody accepts any more are deleted, and the purposes do not share any", async () => {
  for (let step = 0; step < 10; step++, nowMs += rotationMs) await keyring.keys("sealing");
  const [row] = await database.sql.query<{ count: bigint }>("SELECT count(*) AS count FROM keyring.shared_key");
  expect(row?.count).toBeLessThan(6n);
  const [sealing] = await keyring.keys("sealing");
  const [records] = await keyring.keys("records");
  expect(records?.key).not.toEqual(sealing?.key);
});

const renew = () => database.transaction((sql) => keyring.renew(sql));

test("keys that somebody has who must not end within five quarters of a minute, and of those that he knows none comes into use", async () => {
  const known = new Set((await keyring.keys("records")).map(({ id }) => id));
  await keyring.keys("sealing");
  await renew();
  const endsMs = nowMs + noticeMs + limits.clockSkewMs;
  for (const purpose of ["records", "sealing"] as const) {
    const keys = await keyring.keys(purpose);
    expect(keys.filter(({ id }) => known.has(id)).map(({ acceptUntilMs }) => acceptUntilMs)).toEqual([endsMs, endsMs]);
    expect(keys.at(-1)).toMatchObject({ id: 3, useFromMs: nowMs + noticeMs, acceptUntilMs: undefined });
  }
  nowMs += noticeMs;
  expect(currentKey(await keyring.keys("records"), nowMs).id).toBe(3);
  nowMs = endsMs;
  expect((await keyring.keys("records")).filter(({ id }) => known.has(id))).toEqual([]);
});

// The relay looks at its keys every ten seconds, on a clock of its own; proxies draw again a moment after there are others.
test("whoever is revoked whenever, no proxy meets a record that it does not know, and nobody's keys live on", async () => {
  const random = seededRandom(seedFromEnv());
  const ring = (offMs: number) =>
    openKeyring({ database, masterKey, nowMs: () => nowMs + offMs, rotationMs: 24 * 3_600_000 });
  const fleetsOwn = ring(0);
  for (let round = 0; round < 6; round++) {
    const offMs = random.pick([-1, 0, 1]) * (limits.clockSkewMs / 2);
    const relay = openRecordKeys(
      ring(offMs),
      () => nowMs + offMs,
      () => nowMs,
    );
    const renewals = new Set(Array.from({ length: 1 + random.int(3) }, () => 2 * random.int(20)));
    const stolen: { id: number; endsMs: number }[] = [];
    let drawn = await fleetsOwn.keys("records");
    for (let second = 0; second < 180; second += 2, nowMs += 2_000) {
      const keys = await fleetsOwn.keys("records");
      // What a thief has, who drew until just now.
      if (renewals.has(second)) {
        const endsMs = nowMs + noticeMs + limits.clockSkewMs;
        stolen.push(...keys.map(({ id }) => ({ id, endsMs })));
        await database.transaction((sql) => fleetsOwn.renew(sql));
      }
      const { mac } = (await relay.signer())(said);
      const by = drawn.find(({ id }) => mac.startsWith(`${id}:`));
      expect(
        by,
        `seed ${random.seed}, round ${round}, second ${second}: ${mac} of ${drawn.map(({ id }) => id)}`,
      ).toBeDefined();
      drawn = await fleetsOwn.keys("records");
      for (const { id, endsMs } of stolen)
        if (nowMs >= endsMs)
          expect(
            drawn.map((one) => one.id),
            `second ${second}`,
          ).not.toContain(id);
    }
  }
});

test("a renewal that is rolled back renews nothing, and of keys that nobody was given there is none", async () => {
  await renew();
  expect(await idsNow()).toEqual([1, 2]);
  const failed = database.transaction(async (sql) => {
    await keyring.renew(sql);
    throw new Error("on purpose");
  });
  await expect(failed).rejects.toThrow("on purpose");
  expect(await idsNow()).toEqual([1, 2]);
});

test("another edition is told whenever there are other keys, and the same one while there are not", async () => {
  const editionNow = async (): Promise<string> =>
    // Each asks anew: what is kept for a moment is not looked at here.
    openKeyring({ database, masterKey, nowMs: () => nowMs, rotationMs }).edition();
  const first = await editionNow();
  expect(await editionNow()).toBe(first);
  await renew();
  const announced = await editionNow();
  nowMs += noticeMs + limits.clockSkewMs;
  const changed = await editionNow();
  expect(new Set([first, announced, changed]).size).toBe(3);
});

test("a secret is the same for every process and after a restart, and each name has its own", async () => {
  const first = await keyring.secret("epochs");
  const again = openKeyring({ database, masterKey, nowMs: () => nowMs, rotationMs });
  expect(await again.secret("epochs")).toEqual(first);
  expect(await again.secret("other")).not.toEqual(first);
});

test("no key can be read in the tables, and a row that was moved to another name does not open", async () => {
  const secret = await keyring.secret("epochs");
  const keys = await keyring.keys("sealing");
  const [{ text } = { text: "" }] = await database.sql.query<{ text: string }>(
    `SELECT string_agg(encode(wrapped_key || sealed, 'hex'), '') AS text
     FROM (SELECT wrapped_key, sealed FROM keyring.secret UNION ALL SELECT wrapped_key, sealed FROM keyring.shared_key) x`,
  );
  for (const key of [secret, ...keys.map((one) => one.key)])
    expect(text).not.toContain(Buffer.from(key).toString("hex"));
  await database.sql.query("UPDATE keyring.secret SET name = 'moved'");
  await expect(keyring.secret("moved")).rejects.toThrow("does not open");
});

test("another master key, such as beside a restored database, is noticed at once and never answered with new keys", async () => {
  expect(await opensKeyring(database, randomBytes(32))).toBe(true);
  await keyring.keys("sealing");
  expect(await opensKeyring(database, randomBytes(32))).toBe(false);
  await keyring.secret("epochs");
  expect([await opensKeyring(database, masterKey), await opensKeyring(database, randomBytes(32))]).toEqual([
    true,
    false,
  ]);
  const stranger = openKeyring({ database, masterKey: randomBytes(32), nowMs: () => nowMs, rotationMs });
  await expect(stranger.keys("sealing")).rejects.toThrow("does not open with this key");
  await expect(stranger.secret("epochs")).rejects.toThrow("does not open with this key");
});
