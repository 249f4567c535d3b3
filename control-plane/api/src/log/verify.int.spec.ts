// Whatever is changed in the log behind its back, `verify` names the first position that is wrong and why.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database, type Sql } from "../database.ts";
import { keyStep, meta, servers, serverStep, teamStep } from "./deciders.fixture.ts";
import { handle, handleAll } from "./handle.ts";
import { verify, type Verified } from "./verify.ts";

let own: TestDatabase;
let database: Database;

// Positions 1, 2..4 (one commit), 5, 6, 7.
beforeAll(async () => {
  own = await createDatabase("verify");
  database = await openDatabase({ url: own.url });
  await handle(database, teamStep("a"), meta);
  await handleAll(database, [teamStep("b"), keyStep("k", "b"), serverStep("s")], meta);
  for (const url of ["http://x/", "http://y/", "http://z/"])
    await handle(database, { decider: servers, id: "s", command: { kind: "move", urls: [url] } }, meta);
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

/** Runs `verify` on what a transaction sees that is then rolled back. */
async function verifyAfter(...tampering: string[]): Promise<Verified> {
  const rollBack = new Error("rolled back on purpose");
  let verified: Verified | undefined;
  const inside = async (sql: Sql): Promise<void> => {
    for (const text of tampering) await sql.query(text);
    verified = await verify({ ...database, sql, transaction: (fn) => fn(sql) });
    throw rollBack;
  };
  await expect(database.transaction(inside)).rejects.toBe(rollBack);
  if (!verified) throw new Error("not verified");
  return verified;
}

test("a log that nobody touched is intact up to its head", async () => {
  expect(await verify(database)).toMatchObject({ outcome: "intact", position: 7n });
});

test("an empty log is intact", async () => {
  await using other = await createDatabase("verify-empty");
  const empty = await openDatabase({ url: other.url });
  expect(await verify(empty)).toMatchObject({ outcome: "intact", position: 0n });
  await empty.close();
});

// The last byte is the body's, so the record stays readable.
const flipped = "set_byte(record, octet_length(record) - 1, get_byte(record, octet_length(record) - 1) # 1)";
// The last hash made to fit the record, as a forger with the database would.
const rechain = `
  UPDATE log.event e SET hash = sha256(p.hash || int8send(e.position) || e.record)
  FROM log.event p WHERE p.position = e.position - 1 AND e.position = 7`;

test.each<[string, string[], bigint, string]>([
  ["a record that was changed", [`UPDATE log.event SET record = ${flipped} WHERE position = 3`], 3n, "hash"],
  ["the last record changed", [`UPDATE log.event SET record = ${flipped} WHERE position = 7`], 7n, "hash"],
  ["a stored hash that was changed", ["UPDATE log.event SET hash = sha256(hash) WHERE position = 5"], 5n, "hash"],
  ["an event that was removed", ["DELETE FROM log.event WHERE position = 4"], 4n, "hole"],
  ["the first event removed", ["DELETE FROM log.event WHERE position = 1"], 1n, "hole"],
  ["a tail that was cut off", ["DELETE FROM log.event WHERE position >= 6"], 6n, "hole"],
  [
    "a tail cut off with the head taken back, but not its hash",
    ["DELETE FROM log.event WHERE position >= 6", "UPDATE log.head SET position = 5"],
    5n,
    "head",
  ],
  [
    "a head taken back, hash and all, with the events left",
    ["UPDATE log.head h SET position = 5, hash = e.hash FROM log.event e WHERE e.position = 5"],
    6n,
    "head",
  ],
  ["a stream renamed beside its record", ["UPDATE log.event SET stream = 'team/z' WHERE position = 2"], 2n, "columns"],
  ["a version changed", ["UPDATE log.event SET version = 9 WHERE position = 6"], 6n, "columns"],
  ["a type changed", ["UPDATE log.event SET type = 'tollgate.v1.KeyRevoked' WHERE position = 3"], 3n, "columns"],
  ["a commit that ends late", ["UPDATE log.event SET commit = 5 WHERE position = 4"], 4n, "commit"],
  ["a commit with a foreign row in it", ["UPDATE log.event SET commit = 2 WHERE position = 1"], 1n, "commit"],
  ["a commit that was split", ["UPDATE log.event SET commit = position WHERE position IN (2, 3, 4)"], 2n, "commit"],
  ["two commits made one", ["UPDATE log.event SET commit = 6 WHERE position = 5"], 5n, "commit"],
  ["a commit that never ends", ["UPDATE log.event SET commit = 9 WHERE position = 7"], 7n, "commit"],
  [
    "a last event forged with its hash",
    [`UPDATE log.event SET record = ${flipped} WHERE position = 7`, rechain],
    7n,
    "head",
  ],
])("%s is found", async (_, tampering, position, reason) => {
  expect(await verifyAfter(...tampering)).toEqual({ outcome: "wrong", position, reason });
});
