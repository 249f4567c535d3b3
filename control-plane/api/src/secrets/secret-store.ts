// The encrypted rows of secrets, and nothing else of them: that a secret exists, and its name, are in the log. `put` and
// `erase` run in the transaction that appends the event, so that no proxy hears of a version before its value is there. A
// value leaves only through `fetch`, whose callers are the gRPC service for proxies and the comparison with a file.

import { readFile } from "node:fs/promises";
import type { Database, Sql } from "../database.ts";
import { DoesNotOpen, masterKeyBytes, open, seal } from "./envelope.ts";

export type SecretVersion = { id: string; version: number; value: Uint8Array };

export type SecretStore = {
  put(sql: Sql, id: string, version: number, value: Uint8Array): Promise<void>;
  /** Those that exist, in no order. */
  fetch(sql: Sql, ids: readonly string[]): Promise<SecretVersion[]>;
  erase(sql: Sql, id: string): Promise<void>;
};

type Row = { id: string; version: number; wrappedKey: Uint8Array; sealed: Uint8Array };

const columns = `id, version, wrapped_key AS "wrappedKey", sealed`;

export function openSecretStore(masterKey: Uint8Array): SecretStore {
  return {
    async put(sql, id, version, value) {
      const { wrappedKey, sealed } = seal(masterKey, { id, version }, value);
      await sql.query(
        `INSERT INTO secret.value (id, version, wrapped_key, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, wrapped_key = excluded.wrapped_key,
           sealed = excluded.sealed`,
        [id, version, wrappedKey, sealed],
      );
    },
    async fetch(sql, ids) {
      if (ids.length === 0) return [];
      const rows = await sql.query<Row>(`SELECT ${columns} FROM secret.value WHERE id = ANY ($1::text[])`, [[...ids]]);
      return rows.map((row) => ({ id: row.id, version: row.version, value: open(masterKey, row, row) }));
    },
    async erase(sql, id) {
      await sql.query("DELETE FROM secret.value WHERE id = $1", [id]);
    },
  };
}

/** Why the file holds no master key; the key when it does. */
export async function readMasterKey(file: string): Promise<Uint8Array | { problem: string }> {
  let text: string;
  try {
    text = (await readFile(file, "utf8")).trim();
  } catch (error) {
    return { problem: `cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "?"})` };
  }
  const isHex = /^[0-9a-f]{64}$/i.test(text);
  const key = Buffer.from(text, isHex ? "hex" : "base64");
  const isBase64 = /^[A-Za-z0-9+/]{43}=?$/.test(text);
  if ((isHex || isBase64) && key.length === masterKeyBytes) return key;
  return { problem: `does not hold ${masterKeyBytes} bytes in base64 or hexadecimal` };
}

/** Asked once at start: another key would make every secret unreadable, one call at a time. */
export async function opensWhatIsStored(database: Database, masterKey: Uint8Array): Promise<boolean> {
  const [row] = await database.sql.query<Row>(`SELECT ${columns} FROM secret.value LIMIT 1`);
  if (!row) return true;
  try {
    open(masterKey, row, row);
    return true;
  } catch (error) {
    if (error instanceof DoesNotOpen) return false;
    throw error;
  }
}
