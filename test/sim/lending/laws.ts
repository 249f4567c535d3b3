// What must be true of lending at every step, whatever happened. Where a limit is lowered, what was lent before stays lent, so the
// bounds are those of the highest limit that was in force; that nothing is lent above the one in force now is looked at inside
// the ledger. After a restore the ledger's books are less than the truth until everybody has restated, and lend nothing; what
// providers bill is bounded all the same.

import { countsFor, taken } from "@tollgate/kernel/lending/account";
import { balancesOf, replay } from "@tollgate/kernel/lending/journal";
import type { SimulatedLedger } from "./ledger.ts";
import type { SimulatedProxy } from "./proxy.ts";

/** By account: what calls hold or have used, and what providers have billed or will. */
export type Sums = { claims: bigint; bills: bigint };

export type Scene = {
  readonly ledger: SimulatedLedger;
  readonly nowMs: number;
  readonly proxies: readonly SimulatedProxy[];
  /** Who died, for as long as that is remembered. */
  readonly dead: readonly SimulatedProxy[];
  readonly sums: ReadonlyMap<string, Sums>;
  /** Written off while the ledger did not know what they were lent. */
  readonly presumed: ReadonlySet<string>;
  /** Of accounts that lent to somebody who was written off and lives: slots are lent to another, too. */
  readonly isWrittenOffAlive: boolean;
};

export function violationAt(scene: Scene): string | undefined {
  const { ledger } = scene;
  return (
    ledger.broken ??
    billsAt(scene) ??
    opensAt(scene) ??
    (ledger.isFrozen ? undefined : (countsAt(scene) ?? claimsAt(scene)))
  );
}

/** The ledger counts each lease for no less than its holder has settled, holds open and, as long as it lives, has unspent. */
function countsAt(scene: Scene): string | undefined {
  const { ledger, proxies, dead } = scene;
  for (const proxy of proxies) {
    if (proxy.heard < ledger.incarnation) continue;
    const violation = countsOf(scene, proxy, true);
    if (violation !== undefined) return violation;
  }
  for (const proxy of dead) {
    const violation = countsOf(scene, proxy, false);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function countsOf({ ledger, presumed, nowMs }: Scene, proxy: SimulatedProxy, isAlive: boolean): string | undefined {
  const { proxyId } = proxy.disk;
  if (presumed.has(proxyId)) return undefined;
  for (const lease of proxy.book.leases()) {
    const row = ledger.leaseOf(proxyId, proxy.boot, proxy.epoch, lease.number)?.state;
    if ((row?.isClosed === true || !isAlive) && lease.kind !== "money") continue;
    if (row === undefined && isForgotten(ledger, lease.account, nowMs)) continue;
    const counted = row === undefined ? 0n : row.isClosed ? row.settled : countsFor(lease.kind, row);
    const used = (lease.kind === "money" ? lease.settled : 0n) + lease.open;
    const has = isAlive ? used + lease.unspent : lesser(used, proxy.writtenOf(lease));
    if (counted + proxy.unsaidOf(lease, row) < has)
      return `counts: ${proxy.boot} has ${has} of ${lease.subject} (${lease.account}), for which the ledger counts ${counted}`;
  }
  return undefined;
}

/** What was settled and not written down yet is held on the disk, and what is beyond that as exposure. */
function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** What all calls of an account hold or have used is taken of it, and of its exposure. */
function claimsAt({ ledger, sums, nowMs }: Scene): string | undefined {
  for (const [name, { claims, bills }] of sums) {
    if (!name.startsWith("budget/")) continue;
    if (isForgotten(ledger, name, nowMs)) continue;
    const exposure = exposureOf(name);
    const has = claims + (sums.get(exposure)?.claims ?? 0n);
    const counted = takenOf(ledger, name) + takenOf(ledger, exposure);
    if (has > counted) return `claims: calls hold or have used ${has} of ${name}, and ${counted} is taken`;
    if (bills > counted) return `bills: ${bills} is billed for ${name}, and ${counted} is taken`;
  }
  return undefined;
}

/** The promise itself. */
function billsAt({ ledger, sums }: Scene): string | undefined {
  for (const [name, { bills }] of sums) {
    if (!name.startsWith("budget/")) continue;
    const most = (ledger.highest.get(name) ?? 0n) + (ledger.highest.get(exposureOf(name)) ?? 0n);
    if (bills > most) return `bills: ${bills} is billed for ${name}, which had at most ${most}`;
  }
  return undefined;
}

/** Slots and exposures that are held at once. */
function opensAt({ ledger, proxies, isWrittenOffAlive }: Scene): string | undefined {
  const open = new Map<string, bigint>();
  for (const { running } of proxies)
    for (const { hold } of running)
      for (const { lease, covers, held } of hold?.parts ?? [])
        if (covers !== undefined || (lease.kind === "slots" && !isWrittenOffAlive))
          open.set(lease.account, (open.get(lease.account) ?? 0n) + held);
  for (const [name, amount] of open)
    if (amount > (ledger.highest.get(name) ?? 0n)) return `open: ${amount} of ${name} at once`;
  return undefined;
}

export function journalAt({ rows }: SimulatedLedger): string | undefined {
  for (const { name, state } of rows.accounts.values()) {
    const replayed = Object.values(replay(state.kind, rows.journals.get(name) ?? []));
    const replayedText = replayed.join();
    const balances = balancesOf(state);
    const { limit, ended, unreserved, returning, counted, settled } = balances;
    const text = [limit, ended, unreserved, returning, counted, settled].join();
    if (text !== replayedText) return `journal: ${name} has ${text}, its journal ${replayedText}`;
  }
  return undefined;
}

/** Of a period that is over nobody restates to a ledger from a backup what is not open, and nothing is lent any more. */
function isForgotten({ incarnation, rows }: SimulatedLedger, account: string, nowMs: number): boolean {
  const row = rows.accounts.get(account);
  return incarnation > 1 && (row === undefined || (row.endsMs !== undefined && row.endsMs <= nowMs));
}

function exposureOf(budget: string): string {
  return budget.replace("budget/", "exposure/");
}

function takenOf({ rows }: SimulatedLedger, name: string): bigint {
  const state = rows.accounts.get(name)?.state;
  return state === undefined ? 0n : taken(state) - state.unreserved;
}
