// What proxies draw: an epoch is given once, whatever is drawn at the same time and whatever the database has forgotten,
// because facts of two boots under one number would be taken for each other. Its key can be given again, to its own proxy.

import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { DrawRequestSchema } from "@tollgate/schema/provisions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { newCaller } from "../../../../test/support/caller.ts";
import { openDatabase, type Database } from "../database.ts";
import { handle } from "../log/handle.ts";
import { proxyDecider, type ProxyCommand } from "../proxies/proxy.decider.ts";
import { openKeyring } from "../keyring/keyring.ts";
import { int8Max } from "../usage/batch.ts";
import { epochKey, giveEpochs } from "./epochs.ts";
import { provisionsService } from "./provisions-service.ts";

const masterKey = randomBytes(32);
let own: TestDatabase;
let database: Database;
let service: ReturnType<typeof provisionsService>;

beforeAll(async () => {
  own = await createDatabase("provisions");
  database = await openDatabase({ url: own.url });
  service = provisionsService(database, openKeyring({ database, masterKey, nowMs: Date.now }));
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

type Caller = ReturnType<typeof newCaller>;

const draw = (caller: Caller, epochs: number, after = 0n, keysOf: bigint[] = []) =>
  service.draw({ $typeName: "tollgate.v1.DrawRequest", epochs, after, keysOf }, caller);
const numbersOf = ({ epochs }: Awaited<ReturnType<typeof draw>>) => (epochs ?? []).map(({ epoch }) => epoch);

test("epochs drawn at the same time are all different, and none is left out", async () => {
  const caller = newCaller();
  const drawn = await Promise.all(Array.from({ length: 20 }, (_, index) => draw(caller, index % 5)));
  const numbers = drawn.flatMap(numbersOf).sort((a, b) => Number((a ?? 0n) - (b ?? 0n)));
  expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => BigInt(index + 1)));
});

test("each proxy has its own numbers and its own keys of them", async () => {
  const [one, other] = await Promise.all([draw(newCaller(), 2), draw(newCaller(), 2)]);
  expect([numbersOf(one), numbersOf(other)]).toEqual([
    [1n, 2n],
    [1n, 2n],
  ]);
  expect(one.epochs?.[0]?.key).not.toEqual(other.epochs?.[0]?.key);
});

test("a database restored from a backup gives no number again that the proxy has used since", async () => {
  const caller = newCaller();
  const before = await draw(caller, 8);
  await database.sql.query("UPDATE usage.epoch_given SET last = 2 WHERE proxy_id = $1", [caller.proxyId]);
  // The proxy has used five; the rest of its stock is good still, so it says up to where it has some.
  expect(numbersOf(await draw(caller, 3, 8n))).toEqual([9n, 10n, 11n]);
  expect(numbersOf(before)).toHaveLength(8);
  await database.sql.query("DELETE FROM usage.epoch_given WHERE proxy_id = $1", [caller.proxyId]);
  expect(numbersOf(await draw(caller, 1, 11n))).toEqual([12n]);
  expect(numbersOf(await draw(caller, 1))).toEqual([13n]);
});

test("drawing none costs no number, and tells the keys of epochs whose facts are on disk", async () => {
  const caller = newCaller();
  const first = await draw(caller, 2);
  const again = await draw(caller, 0, 0n, [2n, 1n]);
  expect(again.epochs).toEqual([...(first.epochs ?? [])].reverse());
  expect(numbersOf(await draw(caller, 1))).toEqual([3n]);
});

test("with them come the shared keys of both purposes: the one in use and the next", async () => {
  const { sealing, records } = await draw(newCaller(), 0);
  for (const keys of [sealing, records]) {
    expect(keys?.map(({ id }) => id)).toEqual([1, 2]);
    expect(keys?.[0]?.acceptUntilMs).toBeGreaterThan(BigInt(Date.now()));
    expect(keys?.[1]?.acceptUntilMs).toBeUndefined();
  }
});

test.each([
  ["too many epochs", 65, 0n, []],
  ["a number near the end of numbers", 1, int8Max / 2n, []],
  ["too many keys", 0, 0n, Array.from({ length: 10_001 }, () => 1n)],
])("%s is refused, and no number is spent", async (_, epochs, after, keysOf) => {
  const caller = newCaller();
  await expect(draw(caller, epochs, after, keysOf)).rejects.toMatchObject({ code: "request.invalid" });
  expect(numbersOf(await draw(caller, 1))).toEqual([1n]);
});

test("an epoch's key depends on the root, the proxy and the number, and on nothing else", () => {
  const root = randomBytes(32);
  const key = epochKey(root, "p", 1n);
  expect(epochKey(root, "p", 1n)).toEqual(key);
  for (const other of [epochKey(randomBytes(32), "p", 1n), epochKey(root, "q", 1n), epochKey(root, "p", 11n)])
    expect(other).not.toEqual(key);
});

test("what a rolled back transaction gave is given to nobody, or to the next", async () => {
  const { proxyId } = newCaller();
  const failed = database.transaction(async (sql) => {
    await giveEpochs(sql, proxyId, 4, 0n);
    throw new Error("on purpose");
  });
  await expect(failed).rejects.toThrow("on purpose");
  expect(await giveEpochs(database.sql, proxyId, 2, 0n)).toEqual([1n, 2n]);
});

test("who draws while he is revoked gets nothing of what was made so that he has not got it", async () => {
  const caller = newCaller();
  const about = { id: caller.proxyId, timeMs: 1 };
  const meta = { actor: "system/spec", timeMs: 1 };
  const enrol = { keySha256: new Uint8Array(32), joinTokenId: "0", environment: "", region: "" };
  const step = (command: ProxyCommand) => ({ decider: proxyDecider, id: caller.proxyId, command });
  await handle(database, step({ kind: "enrol", ...about, ...enrol }), meta);
  const keyring = openKeyring({ database, masterKey, nowMs: Date.now });
  await draw(caller, 1);
  // It was admitted, and the revocation comes while its call is worked on.
  let revoked: Promise<unknown> | undefined;
  const late = provisionsService(database, {
    ...keyring,
    async secret(name) {
      revoked ??= handle(database, step({ kind: "revoke", ...about }), meta, { within: (sql) => keyring.renew(sql) });
      await revoked;
      return keyring.secret(name);
    },
  });
  await expect(late.draw(create(DrawRequestSchema), caller)).rejects.toMatchObject({
    code: "enrolment.proxy-revoked",
  });
  const { records } = await draw(newCaller(), 0);
  expect(records?.at(-1)?.id).toBe(3);
});
