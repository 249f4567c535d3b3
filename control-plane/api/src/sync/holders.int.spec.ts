// One process has a proxy's id at a time: two that report under it would each tidy away the other's facts. The first keeps it
// while it is heard of, and what was killed or said that it leaves makes room without anybody being asked.

import { afterAll, beforeAll, expect, test } from "vitest";
import { newCaller } from "../../../../test/support/caller.ts";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { holdId, leaveId } from "./holders.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("holders");
  database = await openDatabase({ url: own.url });
});

afterAll(async () => {
  await database.close();
  await own.drop();
});

const refused = { code: "proxy.id-held" };
const contested = { code: "proxy.id-in-use" };

function boots() {
  const first = newCaller();
  return { first, second: { ...newCaller(), proxyId: first.proxyId } };
}

/** As if it had not been heard of for so long. */
async function silence(proxyId: string, seconds: number): Promise<void> {
  await database.sql.query(
    "UPDATE fleet.holder SET heard_at = heard_at - make_interval(secs => $2) WHERE proxy_id = $1",
    [proxyId, seconds],
  );
}

test("the boot that came first keeps the id while it is heard of, and the other is seen to want it", async () => {
  const { first, second } = boots();
  await holdId(database.sql, first);
  await silence(first.proxyId, 2);
  await expect(holdId(database.sql, second)).rejects.toMatchObject(refused);
  await holdId(database.sql, first);
  await expect(holdId(database.sql, second)).rejects.toMatchObject(contested);
  const [row] = await database.sql.query<{ boot: string; contested: boolean }>(
    "SELECT boot, contested_at IS NOT NULL AS contested FROM fleet.holder WHERE proxy_id = $1",
    [first.proxyId],
  );
  expect(row).toEqual({ boot: first.boot, contested: true });
});

test("a boot that is silent for three seconds loses it, and is the stranger when it comes back", async () => {
  const { first, second } = boots();
  await holdId(database.sql, first);
  await silence(first.proxyId, 4);
  await holdId(database.sql, second);
  await expect(holdId(database.sql, first)).rejects.toMatchObject(refused);
});

test("a boot that leaves makes room at once; one that does not have the id gives nothing away", async () => {
  const { first, second } = boots();
  await holdId(database.sql, first);
  await leaveId(database.sql, second);
  await expect(holdId(database.sql, second)).rejects.toMatchObject(refused);
  await leaveId(database.sql, first);
  await holdId(database.sql, second);
});

test("of many boots that come at once one has it", async () => {
  const { first } = boots();
  const many = Array.from({ length: 8 }, () => ({ ...newCaller(), proxyId: first.proxyId }));
  const held = await Promise.allSettled(many.map((caller) => holdId(database.sql, caller)));
  expect(held.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a boot that was killed and comes back waits without an alarm, and what was contested before is not so for ever", async () => {
  const { first, second } = boots();
  await holdId(database.sql, first);
  for (let asked = 0; asked < 5; asked++) await expect(holdId(database.sql, second)).rejects.toMatchObject(refused);
  await silence(first.proxyId, 4);
  await holdId(database.sql, second);
  const contestedAt = async () => {
    const [row] = await database.sql.query<{ contestedAt: Date | null }>(
      `SELECT contested_at AS "contestedAt" FROM fleet.holder WHERE proxy_id = $1`,
      [first.proxyId],
    );
    return row?.contestedAt;
  };
  expect(await contestedAt()).toBeNull();
  // The former one lives after all: now there are two.
  await expect(holdId(database.sql, first)).rejects.toMatchObject(refused);
  await holdId(database.sql, second);
  const since = await contestedAt();
  expect(since).not.toBeNull();
  await holdId(database.sql, second);
  expect(await contestedAt()).toEqual(since);
});
