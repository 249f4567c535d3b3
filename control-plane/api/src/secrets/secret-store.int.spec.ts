// The secret store on a real PostgreSQL: rows come and go with the transaction they are part of, no value is readable in
// the table, and a control plane with another master key says so at its start instead of failing call by call.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { openSecretStore, opensWhatIsStored, readMasterKey } from "./secret-store.ts";

const masterKey = randomBytes(32);
const store = openSecretStore(masterKey);
let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("secret_store");
  database = await openDatabase({ url: own.url });
});

afterAll(async () => {
  await database.close();
  await own.drop();
});

async function valueOf(id: string): Promise<string | undefined> {
  const [found] = await store.fetch(database.sql, [id]);
  return found && Buffer.from(found.value).toString();
}

test("the newest version is what is fetched, and none of it is readable in the table", async () => {
  await store.put(database.sql, "a", 1, Buffer.from("planted one"));
  await store.put(database.sql, "a", 2, Buffer.from("planted two"));
  expect(await store.fetch(database.sql, ["a", "none"])).toEqual([
    { id: "a", version: 2, value: Buffer.from("planted two") },
  ]);
  const [{ text } = { text: "" }] = await database.sql.query<{ text: string }>(
    "SELECT string_agg(encode(wrapped_key || sealed, 'escape'), '') AS text FROM secret.value",
  );
  expect(text).not.toContain("planted");
});

test("a transaction that is taken back takes its rows along, and its erasures", async () => {
  await store.put(database.sql, "kept", 1, Buffer.from("v"));
  const fails = database.transaction(async (sql) => {
    await store.put(sql, "never", 1, Buffer.from("v"));
    await store.erase(sql, "kept");
    throw new Error("on purpose");
  });
  await expect(fails).rejects.toThrow("on purpose");
  expect([await valueOf("never"), await valueOf("kept")]).toEqual([undefined, "v"]);
  await store.erase(database.sql, "kept");
  expect(await valueOf("kept")).toBeUndefined();
});

test("a row that somebody moved to another secret does not open", async () => {
  await store.put(database.sql, "mine", 1, Buffer.from("v"));
  await database.sql.query("UPDATE secret.value SET id = 'theirs' WHERE id = 'mine'");
  await expect(store.fetch(database.sql, ["theirs"])).rejects.toThrow("does not open");
  await store.erase(database.sql, "theirs");
});

test("another master key is noticed", async () => {
  await store.put(database.sql, "b", 1, Buffer.from("v"));
  expect(await opensWhatIsStored(database, masterKey)).toBe(true);
  expect(await opensWhatIsStored(database, randomBytes(32))).toBe(false);
});

test("a master key is 32 bytes in base64 or hexadecimal, and anything else is said without its text", async () => {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-key-"));
  const read = async (text: string) => {
    await writeFile(join(dir, "key"), text);
    return readMasterKey(join(dir, "key"));
  };
  expect(await read(`${masterKey.toString("base64")}\n`)).toEqual(masterKey);
  expect(await read(masterKey.toString("hex"))).toEqual(masterKey);
  for (const wrong of ["", "planted", randomBytes(31).toString("base64"), randomBytes(33).toString("hex")])
    expect(await read(wrong)).toEqual({ problem: "does not hold 32 bytes in base64 or hexadecimal" });
  expect(await readMasterKey(join(dir, "none"))).toEqual({ problem: "cannot be read (ENOENT)" });
  await rm(dir, { recursive: true });
});
