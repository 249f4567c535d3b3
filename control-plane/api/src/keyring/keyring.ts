// Keys that the control plane makes for itself and for its proxies, encrypted with the master key at rest: secrets that
// last, by name, and shared keys that rotate, by purpose. A shared key is announced one rotation before it is used and
// accepted for one after it, so that neither a proxy that was away nor a handle that was made a moment ago meets a key that
// is not known. Rotation needs no timer: whoever asks for the keys after the newest has come into use makes the next one.
// When a proxy is revoked all of them end within five quarters of a minute: with them it could write records and handles of its own. They
// overlap for as long as two clocks may differ, so that nothing is refused on the way from one to the next.

import { createHash, randomBytes } from "node:crypto";
import { limits } from "@tollgate/kernel/limits";
import type { Database, Sql } from "../database.ts";
import { DoesNotOpen, open, seal } from "../secrets/envelope.ts";

export type SharedKey = {
  id: number;
  key: Uint8Array;
  useFromMs: number;
  /** Undefined while no other key is announced. */
  acceptUntilMs: number | undefined;
};

const purposes = ["sealing", "records"] as const;
export type Purpose = (typeof purposes)[number];

export type Keyring = {
  /** Oldest first: those still accepted, the one in use, and the one that is announced. */
  keys(purpose: Purpose): Promise<readonly SharedKey[]>;
  /** The same bytes for ever, made at the first call. */
  secret(name: string): Promise<Uint8Array>;
  /** Ends all shared keys after a short notice, within a transaction that takes a proxy out of those who may have them. */
  renew(sql: Sql): Promise<void>;
  /** Another text whenever there are other shared keys: who has drawn them under another draws them anew. */
  edition(): Promise<string>;
};

export type KeyringParts = {
  database: Pick<Database, "sql" | "transaction">;
  masterKey: Uint8Array;
  nowMs: () => number;
  rotationMs?: number;
};

const keyBytes = 32;
const dayMs = 24 * 3_600_000;
/** Whoever uses a shared key has looked at the keyring within this time. */
export const lookEveryMsMax = 10_000;
/** Until a key that replaces others is used: by then those who use keys have looked, by whichever clock, and proxies, which are
 *  told of another edition with each report, have drawn it. */
export const noticeMs = lookEveryMsMax + 5_000 + limits.clockSkewMs;
const editionKeptMs = 500;
const editionChars = 12;

type Row = { id: number; wrappedKey: Uint8Array; sealed: Uint8Array; useFrom: Date; endsAt: Date | null };

export function openKeyring({ database, masterKey, nowMs, rotationMs = dayMs }: KeyringParts): Keyring {
  async function keys(purpose: Purpose): Promise<readonly SharedKey[]> {
    const stored = await read(database.sql, purpose);
    const newest = stored.at(-1);
    const rows = newest && newest.useFrom.getTime() > nowMs() ? stored : await rotate(purpose);
    return rows
      .map((row, index) => shared(purpose, row, rows[index + 1]))
      .filter(({ acceptUntilMs }) => acceptUntilMs === undefined || acceptUntilMs > nowMs());
  }

  /** Under a lock: of two processes that find the newest in use, one makes the next. */
  function rotate(purpose: Purpose): Promise<Row[]> {
    return database.transaction(async (sql) => {
      const found = await lock(sql, purpose);
      const newest = found.at(-1);
      if (!newest) await make(sql, purpose, 1, nowMs());
      if (!newest || newest.useFrom.getTime() <= nowMs())
        // A rotation from now, not from the last one: what was not announced in time is not used.
        await make(sql, purpose, (newest?.id ?? 1) + 1, nowMs() + rotationMs);
      await sql.query(
        `DELETE FROM keyring.shared_key AS old WHERE purpose = $1 AND EXISTS (
           SELECT 1 FROM keyring.shared_key WHERE purpose = $1 AND id > old.id AND use_from < $2)`,
        [purpose, new Date(nowMs() - 2 * rotationMs)],
      );
      return read(sql, purpose);
    });
  }

  async function renew(sql: Sql): Promise<void> {
    const useFromMs = nowMs() + noticeMs;
    for (const purpose of purposes) {
      const newest = (await lock(sql, purpose)).at(-1);
      // Nobody was given any.
      if (!newest) continue;
      // Of all that somebody knows, announced ones among them: a relay that has not looked since may use one until it does.
      await sql.query("UPDATE keyring.shared_key SET ends_at = least(ends_at, $2) WHERE purpose = $1", [
        purpose,
        new Date(useFromMs + limits.clockSkewMs),
      ]);
      await make(sql, purpose, newest.id + 1, useFromMs);
    }
  }

  let kept: { edition: string; untilMs: number } | undefined;

  /** Asked with each report, so not looked up each time. */
  async function edition(): Promise<string> {
    if (kept && performance.now() < kept.untilMs) return kept.edition;
    const all = await Promise.all(purposes.map((purpose) => keys(purpose)));
    const hash = createHash("sha256");
    for (const { id, key } of all.flat()) hash.update(`${id} `).update(key);
    const text = hash.digest("base64url").slice(0, editionChars);
    kept = { edition: text, untilMs: performance.now() + editionKeptMs };
    return text;
  }

  async function make(sql: Sql, purpose: Purpose, id: number, useFromMs: number): Promise<void> {
    const { wrappedKey, sealed } = seal(masterKey, nameOf(purpose, id), randomBytes(keyBytes));
    await sql.query(
      "INSERT INTO keyring.shared_key (purpose, id, wrapped_key, sealed, use_from) VALUES ($1, $2, $3, $4, $5)",
      [purpose, id, wrappedKey, sealed, new Date(useFromMs)],
    );
  }

  function shared(purpose: Purpose, row: Row, next: Row | undefined): SharedKey {
    return {
      id: row.id,
      key: open(masterKey, nameOf(purpose, row.id), row),
      useFromMs: row.useFrom.getTime(),
      acceptUntilMs: row.endsAt?.getTime() ?? (next && next.useFrom.getTime() + rotationMs),
    };
  }

  async function secret(name: string): Promise<Uint8Array> {
    const fresh = seal(masterKey, { id: `keyring ${name}`, version: 1 }, randomBytes(keyBytes));
    // The update changes nothing; it makes the row come back whoever was first.
    const [row] = await database.sql.query<Pick<Row, "wrappedKey" | "sealed">>(
      `INSERT INTO keyring.secret (name, wrapped_key, sealed) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING wrapped_key AS "wrappedKey", sealed`,
      [name, fresh.wrappedKey, fresh.sealed],
    );
    if (!row) throw new Error("an upsert returned no row");
    return open(masterKey, { id: `keyring ${name}`, version: 1 }, row);
  }

  return { keys, secret, renew, edition };
}

/** Asked once at start, like the secret store: with another master key no proxy could be given anything. */
export async function opensKeyring({ sql }: Pick<Database, "sql">, masterKey: Uint8Array): Promise<boolean> {
  const rows = await sql.query<Pick<Row, "wrappedKey" | "sealed"> & { id: string; version: number }>(
    `(SELECT 'keyring ' || name AS id, 1 AS version, wrapped_key AS "wrappedKey", sealed FROM keyring.secret LIMIT 1)
     UNION ALL
     (SELECT 'keyring ' || purpose, id, wrapped_key, sealed FROM keyring.shared_key LIMIT 1)`,
  );
  try {
    for (const row of rows) open(masterKey, row, row);
    return true;
  } catch (error) {
    if (error instanceof DoesNotOpen) return false;
    throw error;
  }
}

/** The one to use now. */
export function currentKey(keys: readonly SharedKey[], nowMs: number): SharedKey {
  const current = keys.findLast(({ useFromMs }) => useFromMs <= nowMs) ?? keys[0];
  if (!current) throw new Error("a keyring without keys");
  return current;
}

function nameOf(purpose: Purpose, id: number): { id: string; version: number } {
  return { id: `keyring ${purpose}`, version: id };
}

async function lock(sql: Sql, purpose: Purpose): Promise<Row[]> {
  await sql.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", [`keyring/${purpose}`]);
  return read(sql, purpose);
}

function read(sql: Sql, purpose: Purpose): Promise<Row[]> {
  return sql.query<Row>(
    `SELECT id, wrapped_key AS "wrappedKey", sealed, use_from AS "useFrom", ends_at AS "endsAt" FROM keyring.shared_key
     WHERE purpose = $1 ORDER BY id`,
    [purpose],
  );
}
