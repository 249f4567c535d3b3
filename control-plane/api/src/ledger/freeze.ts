// The ledger after a restore from a backup. What was lent since the backup is not in it, so in a new incarnation it lends nothing
// until every proxy has restated all that was lent to it, or was written off (`write-off.ts`).

import type { Sql } from "../database.ts";

export type LedgerState = { readonly incarnation: number; readonly isFrozen: boolean };

/** Once at the start of a process; a ledger that nobody was lent anything of yet has nothing to be restated. */
export async function raiseLedgerIncarnation(sql: Sql): Promise<LedgerState> {
  const [row] = await sql.query<LedgerState>(
    `INSERT INTO ledger.state AS state (incarnation, is_frozen) SELECT incarnation, false FROM log.head
     ON CONFLICT (singleton) DO UPDATE SET
       is_frozen = state.is_frozen OR (state.incarnation < excluded.incarnation AND EXISTS (SELECT FROM ledger.account)),
       incarnation = greatest(state.incarnation, excluded.incarnation)
     RETURNING incarnation, is_frozen AS "isFrozen"`,
  );
  if (row === undefined) throw new Error("an upsert returned no row");
  return row;
}

export async function ledgerState(sql: Sql): Promise<LedgerState> {
  const [row] = await sql.query<LedgerState>('SELECT incarnation, is_frozen AS "isFrozen" FROM ledger.state');
  return row ?? raiseLedgerIncarnation(sql);
}

/** The proxy has said everything; if it was the last of those that there are, the ledger lends again. */
export async function restated(sql: Sql, proxyId: string, incarnation: number): Promise<void> {
  await sql.query("INSERT INTO ledger.restated (proxy_id, incarnation) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    proxyId,
    incarnation,
  ]);
  await sql.query("UPDATE ledger.state SET is_frozen = false WHERE is_frozen AND incarnation = $1 AND $2 = 0", [
    incarnation,
    (await missing(sql, incarnation)).length,
  ]);
}

/** Who may have been lent something and has not restated it: those enrolled, and those that something was lent to. */
export async function missing(sql: Sql, incarnation: number): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM (
       SELECT id FROM enrolled_proxies_v1.resource WHERE is_live UNION SELECT proxy_id FROM ledger.lease WHERE NOT is_closed
     ) AS known WHERE id NOT IN (SELECT proxy_id FROM ledger.restated WHERE incarnation = $1) ORDER BY id`,
    [incarnation],
  );
  return rows.map(({ id }) => id);
}
