// The gRPC service `Ledger`: takes in what a proxy says of its own leases and lends it more. It gives to the boot that has the
// proxy's id and to no other, because two that are one proxy would take back what the other has spent.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Ledger, LeaseStatement } from "@tollgate/schema/ledger";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import { holdId } from "../sync/holders.ts";
import { int8Max } from "../usage/batch.ts";
import { exchangeAll } from "./exchange.ts";
import { ledgerState, restated } from "./freeze.ts";
import { readOpenLeases } from "./rows.ts";

const statementsMax = 2_000;
const int4Max = 2_147_483_647;
const nameCharsMax = 200;

/** What proxies asked of it since this process began: how often, and about how many leases. */
export type LedgerLoad = { exchanges: number; statements: number };

export function ledgerService(
  database: Pick<Database, "sql" | "transaction">,
  load: LedgerLoad = { exchanges: 0, statements: 0 },
): ServiceMethods<typeof Ledger> {
  return {
    async exchange({ statements, isComplete, incarnation: heard }, caller) {
      if (statements.length > statementsMax || !statements.every(isSound))
        throw new TollgateError("request.invalid", `At most ${statementsMax} sound statements are taken at once.`);
      load.exchanges += 1;
      load.statements += statements.length;
      await holdId(database.sql, caller);
      const { incarnation, isFrozen } = await ledgerState(database.sql);
      const { answers } = await exchangeAll(database, caller.proxyId, statements, isFrozen, caller.boot);
      // Who speaks of a former incarnation has not heard yet that he has to restate.
      if (isFrozen && isComplete && heard === BigInt(incarnation))
        await restated(database.sql, caller.proxyId, incarnation);
      return { incarnation: BigInt(incarnation), answers, isFrozen };
    },
    async held(_, caller) {
      await holdId(database.sql, caller);
      const { incarnation, isFrozen, knownUntilMs } = await ledgerState(database.sql);
      const leases = await readOpenLeases(database.sql, caller.proxyId);
      return {
        ...{ incarnation: BigInt(incarnation), isFrozen },
        ...(knownUntilMs === null ? {} : { knownUntilMs }),
        leases: leases.map(({ epoch, lease, boot, account, state: { revision, settled, open } }) => {
          return {
            epoch,
            lease,
            boot,
            account,
            subject: account.split("/").slice(0, 2).join("/"),
            revision,
            settled,
            open,
          };
        }),
      };
    },
  };
}

function isSound({
  epoch,
  lease,
  subject,
  account,
  boot,
  revision,
  settled,
  open,
  unspent,
  draws,
  draw,
}: LeaseStatement): boolean {
  const amounts = [settled, open, unspent, draw?.asked ?? 0n, draw?.wanted ?? 0n];
  return (
    [...amounts, revision, epoch].every((amount) => amount >= 0n && amount <= int8Max / 4n) &&
    [lease, draws, draw?.number ?? 0].every((number) => number <= int4Max) &&
    subject.length <= nameCharsMax &&
    account.length <= nameCharsMax &&
    boot.length <= nameCharsMax &&
    (account === "" || account.startsWith(`${subject}/`))
  );
}
