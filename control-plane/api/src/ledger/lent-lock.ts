// What is lent of a budget, a limit or a policy, and what it says, change one after the other: whoever lends holds it with others
// who do, and whoever changes it waits for them and they for him. So nothing is lent by what it said before its change was
// committed. Of policies all are locked, whatever they are: what it becomes is decided only under the lock.

import type { Sql } from "../database.ts";

/** The space of the hash, which no other lock has. */
const space = 7;

const lentKinds = ["budget/", "limit/", "policy/"] as const;

/** A budget's money and exposure change together. */
function lockName(subject: string): string {
  return subject.startsWith("exposure/") ? `budget/${subject.slice("exposure/".length)}` : subject;
}

/** Of more than this, which is more than an exchange is about, all are locked by one: PostgreSQL has room for some thousands. */
const singlyMax = 2_000;
const all = `hashtextextended('all', ${space})`;

/** Until the transaction ends; answers the database's time, which is the ledger's. */
export async function lockToLend(sql: Sql, subjects: readonly string[]): Promise<number> {
  if (subjects.length > singlyMax) {
    await sql.query(`SELECT pg_advisory_xact_lock(${all})`);
    return lockToLend(sql, []);
  }
  const [row] = await sql.query<{ now: bigint }>(
    `SELECT count(pg_advisory_xact_lock_shared(hashtextextended(name, ${space}))) AS locked,
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM unnest($1::text[]) AS name`,
    [[...new Set(subjects.map(lockName))].sort()],
  );
  return Number(row?.now ?? 0n);
}

/** Of these streams those that are lent from, until the transaction ends. */
export async function lockToChange(sql: Sql, streams: readonly string[]): Promise<void> {
  const lent = streams.filter((stream) => lentKinds.some((kind) => stream.startsWith(kind)));
  if (lent.length > 0) await sql.query(`SELECT pg_advisory_xact_lock_shared(${all})`);
  for (const stream of [...new Set(lent)].sort())
    await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, ${space}))`, [stream]);
}
