// What proxies show of this log without meaning to: one that has applied more of it than there is, or something else, proves
// that the database was restored from a backup. Where there is no topic it is the only witness. What is found is told for as
// long as proxies come with it, and counted; it decides nothing and heals when the incarnation is raised.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";
import type { Log as Output } from "../log-output.ts";
import { hashAt, head, type LogIdentity } from "../log/read.ts";

export type Claim = { log: LogIdentity | undefined; position: bigint; hash: Uint8Array };

export type Evidence = {
  /** A sentence while a proxy has shown within a minute that this log is behind. */
  problem(): string | undefined;
  /** How often it was shown. */
  count(): number;
  /** Throws where the claim is of another log, or of a part of this one that is not there; answers the log. */
  examine(sql: Sql, proxyId: string, claim: Claim): Promise<LogIdentity>;
};

const toldMs = 60_000;

export function createEvidence(log: Pick<Output, "error">, monotonicMs = (): number => performance.now()): Evidence {
  let newest: { sentence: string; atMs: number } | undefined;
  let count = 0;
  const problem = (): string | undefined =>
    newest && monotonicMs() - newest.atMs < toldMs ? newest.sentence : undefined;

  function behind(proxyId: string, applied: string, here: LogIdentity, wanted: number): TollgateError {
    const sentence = `a proxy has applied ${applied}, which this log does not have; its incarnation is ${here.incarnation}`;
    if (problem() === undefined)
      log.error({ proxyId, applied, wanted }, `${sentence}: restored? Then set TOLLGATE_INCARNATION=${wanted}`);
    newest = { sentence, atMs: monotonicMs() };
    count++;
    return new TollgateError("sync.log-behind");
  }

  return {
    problem,
    count: () => count,
    async examine(sql, proxyId, { log: claimed, position, hash }) {
      const { log: here, position: end } = await head(sql);
      if (claimed?.id !== here.id || claimed.incarnation < here.incarnation)
        throw new TollgateError("sync.log-differs", `This log is ${here.id}, incarnation ${here.incarnation}.`);
      const { incarnation } = claimed;
      if (incarnation > here.incarnation)
        throw behind(proxyId, `incarnation ${incarnation}`, here, Math.min(incarnation + 1, 2 ** 31 - 1));
      const known = await hashAt(sql, position);
      const isElsewhere = known !== undefined && hash.length > 0 && Buffer.compare(known, hash) !== 0;
      if (known === undefined || isElsewhere)
        throw behind(proxyId, isElsewhere ? `another ${position}` : `${position} of ${end}`, here, incarnation + 1);
      return here;
    },
  };
}
