// Which boot of a proxy has its id. A directory that was copied makes two processes of one id; the one that came first keeps
// it for as long as it is heard of, and the other is refused, so that neither the fleet nor the facts hold two truths. A
// boot that was killed is not heard of, and after a few seconds its id is the next one's; one that stops says so. A row a
// proxy, in the database, because the two may call different processes of the control plane.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";
import type { Caller } from "../grpc-server.ts";

/** A proxy reports once a second. */
const heardSeconds = 3;
/** How old a sign of the other may be for both to be taken to live: each is heard of more often. */
const bothLiveSeconds = 10;

/** Throws where another boot has the id. */
export async function holdId(sql: Sql, { proxyId, boot }: Caller): Promise<void> {
  const held = await sql.query(
    `INSERT INTO fleet.holder AS held (proxy_id, boot, heard_at) VALUES ($1, $2, now())
     ON CONFLICT (proxy_id) DO UPDATE SET boot = excluded.boot, heard_at = now(), wanted_at = NULL,
         contested_at = CASE WHEN held.boot = excluded.boot AND held.wanted_at > now() - make_interval(secs => $4) THEN now()
                             ELSE held.contested_at END
       WHERE held.boot = excluded.boot OR held.heard_at < now() - make_interval(secs => $3)
     RETURNING 1`,
    [proxyId, boot, heardSeconds, bothLiveSeconds],
  );
  if (held.length > 0) return;
  // Two that live are known by the holder's being heard of after this; one that was killed stays silent.
  const [wanted] = await sql.query<{ isContested: boolean | null }>(
    `UPDATE fleet.holder SET wanted_at = now() WHERE proxy_id = $1
     RETURNING contested_at > now() - make_interval(secs => $2) AS "isContested"`,
    [proxyId, bothLiveSeconds],
  );
  throw new TollgateError(wanted?.isContested === true ? "proxy.id-in-use" : "proxy.id-held");
}

/** The boot ends: the next one need not wait. */
export async function leaveId(sql: Sql, { proxyId, boot }: Caller): Promise<void> {
  await sql.query("DELETE FROM fleet.holder WHERE proxy_id = $1 AND boot = $2", [proxyId, boot]);
}
