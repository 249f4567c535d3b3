// A proxy of the simulation: one boot of one process on one machine, with the kernel's lease book and what production does around
// it: who waits, what is written to the disk before a request goes out, and what is said of the boots before this one. When it
// acts, and what its providers do, is decided elsewhere.

import { tellFormers, type FormerLease as LeaseTotals, type Told } from "@tollgate/kernel/lending/former";
import { LeaseBook, type Hold } from "@tollgate/kernel/lending/lease-book";
import type { Clocks, Lease } from "@tollgate/kernel/lending/lease";
import {
  extended,
  extensionAt,
  inputSaid,
  settledAt,
  type Extension,
  type Held,
  type RunningEnd,
} from "@tollgate/kernel/lending/running";
import type { LendingBug } from "./bugs.ts";
import { amountsOf, asksOf, firstOf, type Call, type Charge } from "./call.ts";
import type { LeaseRow, Reply, Request } from "./ledger.ts";

/** What a disk has of a boot. Who runs under the same boot of the machine knows that nothing of it was lost. */
export type BootRecord = {
  readonly boot: string;
  readonly epoch: number;
  readonly machineBoot: string;
  readonly totals: Map<number, LeaseTotals>;
  /** Since when the ledger has ended its leases with what is here. It is kept, for a ledger that comes back from a backup. */
  endedMs: number | undefined;
  wasSaid: boolean;
};

export type Disk = {
  readonly proxyId: string;
  lastEpoch: number;
  records: BootRecord[];
  /** When the last of those was over that are not there any more. */
  forgottenMs: number;
};

export function newDisk(proxyId: string): Disk {
  return { proxyId, lastEpoch: 0, records: [], forgottenMs: 0 };
}

const autonomyMs = 3_600_000;
/** Who is not admitted by then is refused, and who is not lent more is cancelled. */
export const triesMax = 8;

export class SimulatedProxy {
  readonly boot: string;
  readonly epoch: number;
  readonly disk: Disk;
  readonly record: BootRecord;
  readonly book = new LeaseBook(autonomyMs);
  readonly waiting: Call[] = [];
  readonly running: Call[] = [];
  heard = 0;
  isRestating = false;
  private held: Reply["held"] = [];
  private knownUntilMs: number | undefined;
  private readonly first = new Map<Lease, bigint>();
  private readonly inAll = new Map<Lease, bigint>();
  /** What was spent of a lease beyond what was lent, and up to which revision that is said. */
  private readonly beyond = new Map<Lease, { total: bigint; said: Map<bigint, bigint> }>();
  private readonly bug: LendingBug | undefined;

  constructor(disk: Disk, boot: string, machineBoot: string, bug: LendingBug | undefined) {
    this.disk = disk;
    this.boot = boot;
    this.bug = bug;
    disk.lastEpoch += 1;
    this.epoch = disk.lastEpoch;
    this.record = { boot, epoch: this.epoch, machineBoot, totals: new Map(), endedMs: undefined, wasSaid: false };
    disk.records.push(this.record);
  }

  /** Lets those calls out that have all that they need, and those that wait for more go on. */
  admit(now: Clocks): Call[] {
    this.first.clear();
    this.inAll.clear();
    for (const call of this.running) if (call.isShort) this.mayRead(call, now);
    const out: Call[] = [];
    for (const call of [...this.waiting]) {
      const hold = this.tryHold(call, now);
      if (hold === undefined) {
        call.tries += 1;
        if (call.tries > triesMax) remove(this.waiting, call);
        continue;
      }
      remove(this.waiting, call);
      call.hold = hold;
      this.running.push(call);
      if (this.bug !== "request-before-record") this.write();
      out.push(call);
    }
    for (const lease of this.book.leases()) lease.lacks(this.first.get(lease) ?? 0n, this.inAll.get(lease) ?? 0n);
    return out;
  }

  /** Where the exposure does not fit, all of it is held after a while. */
  private tryHold(call: Call, now: Clocks): Hold | undefined {
    const isFull = call.tries >= 3;
    const outcome = this.book.hold(asksOf(call, isFull, this.bug), now);
    if ("parts" in outcome) {
      for (const charge of call.charges) charge.has = firstOf(charge, isFull);
      return outcome;
    }
    for (const { lease, lacking } of outcome) this.note(lease, lacking);
    return undefined;
  }

  private note(lease: Lease, lacking: bigint): void {
    if (!this.first.has(lease)) this.first.set(lease, lacking);
    this.inAll.set(lease, (this.inAll.get(lease) ?? 0n) + lacking);
  }

  /** Whether more may be read of the answer; what it needs for that is held before. */
  mayRead(call: Call, now: Clocks): boolean {
    const { hold } = call;
    if (hold === undefined) return false;
    const extensions = call.charges.map(extensionOf(call));
    const amount = (index: number): bigint => extensions[index]?.more ?? 0n;
    const more = amountsOf(call, ({ index, isExposure }) => (isExposure ? 0n : amount(index)));
    if (more.every((one) => one === 0n)) return true;
    if (!this.book.extend(hold, more, now)) {
      call.isShort = true;
      for (const [index, { lease }] of hold.parts.entries()) {
        const lacking = (more[index] ?? 0n) - lease.unspent;
        if (lacking > 0n) this.note(lease, lacking);
      }
      return this.bug === "refused-and-read-on" || !extensions.some((one) => one?.isUrgent === true);
    }
    this.release(
      call,
      hold,
      amountsOf(call, ({ index, isExposure }) => (isExposure ? amount(index) : 0n)),
    );
    for (const [index, extension] of extensions.entries()) {
      const charge = call.charges[index];
      if (extension !== undefined && charge !== undefined) charge.has = extended(charge.has, extension);
    }
    call.isShort = false;
    this.write();
    return true;
  }

  /** The provider says what the input costs. */
  hearInput(call: Call): void {
    const { hold } = call;
    if (hold === undefined) return;
    const was = call.charges.map(({ has }) => has);
    for (const charge of call.charges) {
      if (charge.kind === "units") continue;
      const { outputRateNanoUsd } = charge.call;
      Object.assign(
        charge,
        inputSaid(charge.call, charge.has, { inputNanoUsd: call.input, outputRateNanoUsd }, call.seen),
      );
    }
    const less = amountsOf(call, ({ charge: { has }, index, isExposure }) => {
      const before = was[index] ?? has;
      return isExposure ? before.exposed - has.exposed : before.held - has.held;
    });
    this.release(call, hold, less);
  }

  private release(call: Call, hold: Hold, less: readonly bigint[]): void {
    const isBent = this.bug === "nothing-is-exposed";
    this.book.release(hold, isBent ? less.map((one, at) => (hold.parts[at]?.covers === undefined ? one : 0n)) : less);
    void call;
  }

  /** Settled it is at once; written down later. Answers what was spent of each part. */
  end(call: Call, end: RunningEnd): bigint[] {
    const { hold } = call;
    remove(this.running, call);
    if (hold === undefined) return [];
    const used = call.charges.map((charge) => this.usedOf(charge, end));
    const amounts = amountsOf(call, ({ index, isExposure }) => {
      const one = used[index] ?? { held: 0n, exposed: 0n };
      return isExposure ? one.exposed : one.held;
    });
    for (const [index, { lease, held }] of hold.parts.entries()) {
      const over = (amounts[index] ?? 0n) - held - lease.unspent;
      if (lease.kind === "money" && over > 0n) this.spendBeyond(lease, over);
    }
    if (this.bug === "exposure-back-at-once")
      this.book.release(
        hold,
        hold.parts.map(({ covers, held }) => (covers === undefined ? 0n : held)),
      );
    this.book.settle(hold, amounts);
    return amounts;
  }

  private usedOf({ kind, call, has }: Charge, end: RunningEnd): Held {
    if (kind === "units") return has;
    if (kind === "full" && end.kind === "cancelled") return has;
    const isBent = this.bug === "settled-at-last-seen" && end.kind === "cancelled";
    return settledAt(isBent ? { ...call, marginTokens: 0 } : call, has, end);
  }

  private spendBeyond(lease: Lease, amount: bigint): void {
    const known = this.beyond.get(lease) ?? { total: 0n, said: new Map<bigint, bigint>() };
    known.total += amount;
    this.beyond.set(lease, known);
  }

  /** What the ledger cannot know of what was spent beyond a lease. */
  unsaidOf(lease: Lease, row: LeaseRow["state"] | undefined): bigint {
    const known = this.beyond.get(lease);
    if (known === undefined || row === undefined) return known?.total ?? 0n;
    // Of what was written off it is lost for the exposure.
    return row.isClosed ? known.total : known.total - (known.said.get(row.revision) ?? 0n);
  }

  /** Undefined: there is nothing to say. */
  say(now: Clocks): Request | undefined {
    if (this.isRestating) for (const lease of this.book.leases()) lease.restate();
    const before = new Map([...this.book.leases()].map((lease) => [lease, lease.unspent]));
    const due = this.book.due(now);
    for (const { lease, statement } of due) {
      if (this.bug === "given-back-and-used" && !lease.isClosed) lease.unspent = before.get(lease) ?? 0n;
      const known = this.beyond.get(lease);
      if (known !== undefined) known.said.set(statement.revision, known.total);
    }
    const { boot, epoch, heard } = this;
    const said = due.map(({ lease: { number, subject, account }, statement }) => {
      return { epoch, lease: number, subject, account, statement };
    });
    const { said: told, isAll } = this.formers();
    const epochs = new Map([...this.disk.records, ...this.held].map((one) => [one.boot, one.epoch]));
    const formers = told.map((one) => ({ ...one, epoch: epochs.get(one.boot) ?? 0 }));
    const isComplete = this.isRestating && isAll;
    if (said.length === 0 && formers.length === 0 && heard > 0 && !this.isRestating) return undefined;
    return { proxyId: this.disk.proxyId, boot, heard, said, formers, isComplete };
  }

  hear({ incarnation, isFrozen, knownUntilMs, answers, held }: Reply, sentAt: Clocks, wallMs: number): void {
    if (incarnation < this.heard) return;
    if (incarnation > this.heard) for (const lease of this.book.leases()) lease.restate();
    this.heard = Math.max(this.heard, incarnation);
    this.isRestating = isFrozen;
    for (const { lease: number, answer } of answers) {
      const lease = [...this.book.leases()].find((one) => one.number === number);
      const unspent = lease?.unspent;
      this.book.answered(number, answer, sentAt);
      const isTaken = lease === undefined || lease.unspent !== unspent || answer.grant === undefined;
      if (this.bug === "late-grant-taken" && !isTaken) lease.unspent += answer.grant.amount;
    }
    this.held = held;
    this.knownUntilMs = knownUntilMs;
    for (const record of this.disk.records)
      if (record.wasSaid && !held.some(({ boot }) => boot === record.boot)) record.endedMs ??= wallMs;
  }

  /** What boots before this one spent, as far as it is known here to the end. */
  private formers(): Told<string> {
    const { bug, isRestating, knownUntilMs, held } = this;
    const formers = this.disk.records
      .filter((record) => record !== this.record)
      .filter(({ endedMs }) => bug !== "former-boots-forgotten" || endedMs === undefined)
      .filter((record) => bug !== "mute-boots-passed-over" || this.canSpeakFor(record))
      .map((record) => {
        const leases = this.canSpeakFor(record) ? [...record.totals.values()] : undefined;
        if (leases !== undefined) record.wasSaid = true;
        return { boot: record.boot, leases, isEnded: record.endedMs !== undefined };
      });
    const told = tellFormers(formers, { isFrozen: isRestating, knownUntilMs, held }, this.disk.forgottenMs);
    if (bug !== "unlisted-boots-left-out") return told;
    return { ...told, said: told.said.filter((one) => held.some(({ boot }) => boot === one.boot)) };
  }

  private canSpeakFor({ machineBoot, endedMs }: BootRecord): boolean {
    const isHere = machineBoot === this.record.machineBoot;
    return endedMs !== undefined || isHere || this.bug === "copy-speaks-for-the-original";
  }

  /** Lets go what the disk has of boots for which there is no more to say, as far as is known. */
  forget(wallMs: number): void {
    const { disk, bug } = this;
    const gone = disk.records.filter(
      (one) => one !== this.record && (one.endedMs !== undefined || !this.canSpeakFor(one)),
    );
    disk.records = disk.records.filter((one) => !gone.includes(one));
    if (bug === "forgets-that-it-forgot") return;
    for (const { endedMs = wallMs } of gone) disk.forgottenMs = Math.max(disk.forgottenMs, endedMs);
  }

  /** What the disk has of a lease. */
  writtenOf({ number, kind }: Lease): bigint {
    const totals = this.record.totals.get(number);
    return totals === undefined ? 0n : totals.open + (kind === "money" ? totals.settled : 0n);
  }

  /** On the disk, before anything of it goes out. */
  write(): void {
    for (const totals of this.book.takeChanged()) this.record.totals.set(totals.lease, totals);
  }
}

function extensionOf({ seen }: Call): (charge: Charge) => Extension | undefined {
  return ({ kind, call, has }) => (kind === "units" ? undefined : extensionAt(call, has, seen));
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
