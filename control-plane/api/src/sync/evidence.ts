// What proxies show of this log without meaning to: one that has applied more of it than there is, or something else, may
// prove that the database was restored from a backup. Where there is no topic it is the only witness, and it is one proxy's
// word, which may be stolen: so it is told as an error, once a minute for each proxy that comes with it, and counted. It
// decides nothing, readiness included, and ends when the incarnation is raised.

import { TollgateError } from "@tollgate/kernel/errors";
import { incarnationMax } from "../config.ts";
import type { Sql } from "../database.ts";
import type { Log as Output } from "../log-output.ts";
import { hashAt, head, type LogIdentity } from "../log/read.ts";

export type Claim = { log: LogIdentity | undefined; position: bigint; hash: Uint8Array };

export type Evidence = {
  /** How often a proxy has shown that this log is behind. */
  count(): number;
  /** Throws where the claim is of another log, or of a part of this one that is not there; answers the log. */
  examine(sql: Sql, proxyId: string, claim: Claim): Promise<LogIdentity>;
};

const toldEveryMs = 60_000;
const rememberedMax = 1_000;

export function createEvidence(log: Pick<Output, "error">, monotonicMs = (): number => performance.now()): Evidence {
  const toldMs = new Map<string, number>();
  let count = 0;

  function behind(proxyId: string, applied: string, here: LogIdentity, next: number): TollgateError {
    count++;
    if (monotonicMs() - (toldMs.get(proxyId) ?? Number.NEGATIVE_INFINITY) >= toldEveryMs) {
      if (toldMs.size >= rememberedMax) toldMs.clear();
      toldMs.set(proxyId, monotonicMs());
      const wanted = Math.min(next, incarnationMax);
      log.error(
        { proxyId, applied, wanted, count },
        `proxy ${proxyId} has applied ${applied}, which this log does not have; its incarnation is ${here.incarnation}: restored? Then set TOLLGATE_INCARNATION=${wanted}`,
      );
    }
    return new TollgateError("sync.log-behind");
  }

  return {
    count: () => count,
    async examine(sql, proxyId, { log: claimed, position, hash }) {
      const { log: here, position: end } = await head(sql);
      if (claimed?.id !== here.id || claimed.incarnation < here.incarnation)
        throw new TollgateError("sync.log-differs", `This log is ${here.id}, incarnation ${here.incarnation}.`);
      const { incarnation } = claimed;
      if (incarnation > here.incarnation) throw behind(proxyId, `incarnation ${incarnation}`, here, incarnation + 1);
      const known = position > end ? undefined : await hashAt(sql, position);
      const isElsewhere = known !== undefined && hash.length > 0 && Buffer.compare(known, hash) !== 0;
      if (known === undefined || isElsewhere)
        throw behind(proxyId, isElsewhere ? `another ${position}` : `${position} of ${end}`, here, incarnation + 1);
      return here;
    },
  };
}
