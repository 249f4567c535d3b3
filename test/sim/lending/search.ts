// All short schedules of a small world: one account, one or two proxies with calls that cost one each, and every order in which
// they, their messages and at most two misfortunes can come. Nothing here can be copied, so that each schedule is run from the
// beginning; of those that lead to the same state only the first is continued. Times are no part of a state.

import type { Clocks } from "@tollgate/kernel/lending/lease";
import type { LendingBug } from "./bugs.ts";
import type { Call, Charge } from "./call.ts";
import { journalAt, violationAt } from "./laws.ts";
import { SimulatedLedger, type Reply, type Request, type Subject } from "./ledger.ts";
import { newDisk, SimulatedProxy, type Disk } from "./proxy.ts";
import { Tally } from "./tally.ts";

export type Search = {
  readonly proxies: number;
  /** What has come about before. */
  readonly start: readonly string[];
  /** By their first words; undefined: all that there are. */
  readonly moves?: readonly string[];
  readonly movesMax: number;
  readonly misfortunesMax: number;
  readonly statesMax: number;
  readonly bug?: LendingBug;
};

/** One call is out, of what the proxy was lent. */
export const lentTo = (proxy: number): string[] => [`call ${proxy}`, `say ${proxy}`, "bring 0", "bring 0"];

export type Found = {
  readonly violation: string | undefined;
  readonly schedule: readonly string[];
  readonly states: number;
};

type Letter = {
  readonly from: number;
  readonly boot: string;
  readonly request?: Request;
  readonly reply?: Reply;
  readonly sentAt: Clocks;
};
type Seat = { readonly disk: Disk; proxy: SimulatedProxy };
type Move = { readonly name: string; readonly isMisfortune: boolean; readonly make: () => void };

const limit = 4n;
const lettersMax = 3;
const idleMs = 31_000;
/** What says when something was, and how fast it is used. */
const timeFields = new Set(["heardAt", "heardMs", "usedMs", "pacedMs", "paced", "openedMs", "sentAt", "endsAt", "bug"]);

export function searchLending({ proxies, start, moves, movesMax, misfortunesMax, statesMax, bug }: Search): Found {
  const seen = new Set<string>();
  let states = 0;
  let schedules: string[][] = [[...start]];
  for (let depth = 0; depth < movesMax; depth += 1) {
    const next: string[][] = [];
    for (const schedule of schedules) {
      for (const { name, isMisfortune } of replayed(proxies, schedule, bug).moves()) {
        const misfortunes = schedule.filter((one) => one.startsWith("!")).length;
        if (isMisfortune && misfortunes >= misfortunesMax) continue;
        if (moves !== undefined && !moves.some((verb) => name.startsWith(verb))) continue;
        const longer = [...schedule, isMisfortune ? `!${name}` : name];
        const world = replayed(proxies, longer, bug);
        const violation = world.violation();
        if (violation !== undefined) return { violation, schedule: longer, states };
        const key = `${misfortunes + (isMisfortune ? 1 : 0)} ${world.key()}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if ((states += 1) >= statesMax) return { violation: undefined, schedule: longer, states };
        next.push(longer);
      }
    }
    schedules = next;
  }
  return { violation: undefined, schedule: [], states };
}

function replayed(proxies: number, schedule: readonly string[], bug: LendingBug | undefined): SmallWorld {
  const world = new SmallWorld(proxies, bug);
  for (const name of schedule)
    world
      .moves()
      .find((move) => move.name === name.replace("!", ""))
      ?.make();
  return world;
}

class SmallWorld {
  private readonly subject: Subject = { name: "budget/full", kind: "money", limit, windowMs: 0, periodMs: undefined };
  private readonly ledger: SimulatedLedger;
  private readonly seats: Seat[] = [];
  private readonly letters: Letter[] = [];
  private readonly dead: SimulatedProxy[] = [];
  private readonly presumed = new Set<string>();
  private readonly tally = new Tally();
  private readonly bug: LendingBug | undefined;
  private restore: (() => void) | undefined;
  private nowMs = 0;
  private names = 0;
  private isWrittenOffAlive = false;
  private broken: string | undefined;

  constructor(proxies: number, bug: LendingBug | undefined) {
    this.bug = bug;
    this.ledger = new SimulatedLedger(new Map([[this.subject.name, this.subject]]), bug);
    for (let seat = 0; seat < proxies; seat += 1) {
      const disk = newDisk(`p${seat}`);
      this.ledger.proxies.add(disk.proxyId);
      this.seats.push({ disk, proxy: new SimulatedProxy(disk, `b${(this.names += 1)}`, "machine", bug) });
    }
  }

  violation(): string | undefined {
    const { ledger, nowMs, dead, presumed, isWrittenOffAlive } = this;
    const proxies = this.seats.map(({ proxy }) => proxy);
    const scene = { ledger, nowMs, proxies, dead, sums: this.tally.sums, presumed, isWrittenOffAlive };
    return this.broken ?? violationAt(scene) ?? journalAt(ledger);
  }

  key(): string {
    return JSON.stringify(
      [this.ledger.rows, this.ledger.isFrozen, this.seats, this.letters, this.restore !== undefined],
      printed,
    );
  }

  moves(): Move[] {
    const moves: Move[] = [];
    const may = (name: string, make: () => void): void => void moves.push({ name, isMisfortune: false, make });
    const befall = (name: string, make: () => void): void => void moves.push({ name, isMisfortune: true, make });
    for (const [index, seat] of this.seats.entries()) {
      const { proxy } = seat;
      if (proxy.running.length + proxy.waiting.length < 2) may(`call ${index}`, () => this.offer(seat));
      if (proxy.running.length > 0) may(`end ${index}`, () => this.end(seat));
      if (this.letters.length < lettersMax) may(`say ${index}`, () => this.say(index, seat));
      if (seat.disk.records.length > 1) may(`forget ${index}`, () => proxy.forget(this.nowMs));
      befall(`kill ${index}`, () => this.kill(seat));
      befall(`write off ${index}`, () => this.writeOff(seat));
    }
    for (const [index, letter] of this.letters.entries()) {
      may(`bring ${index}`, () => this.bring(letter, true));
      befall(`lose ${index}`, () => void this.letters.splice(index, 1));
      befall(`bring and keep ${index}`, () => this.bring(letter, false));
    }
    may("idle", () => (this.nowMs += idleMs));
    if (this.restore === undefined) may("back up", () => this.backUp());
    else befall("restore", () => this.restoreLedger());
    return moves;
  }

  private clocks(): Clocks {
    return { monotonicMs: this.nowMs, wallMs: this.nowMs };
  }

  private offer({ proxy }: Seat): void {
    proxy.waiting.push(callOfOne((this.names += 1), this.subject));
    this.admit(proxy);
  }

  private admit(proxy: SimulatedProxy): void {
    for (const call of proxy.waiting) call.tries = 0;
    for (const call of proxy.admit(this.clocks())) this.broken ??= this.tally.count(call);
  }

  private end({ proxy }: Seat): void {
    const [call] = proxy.running;
    if (call === undefined) return;
    call.bill = 1n;
    this.broken ??= this.tally.count(call, proxy.end(call, { kind: "said", costNanoUsd: 1n }));
  }

  private say(from: number, { proxy }: Seat): void {
    this.admit(proxy);
    const request = proxy.say(this.clocks());
    if (request === undefined || this.letters.some((letter) => isSame(letter.request, request))) return;
    this.letters.push({ from, boot: proxy.boot, request, sentAt: this.clocks() });
  }

  private bring(letter: Letter, isLast: boolean): void {
    if (isLast) this.letters.splice(this.letters.indexOf(letter), 1);
    const { from, boot, request, reply, sentAt } = letter;
    const proxy = this.seats[from]?.proxy;
    if (request !== undefined) {
      const answer = this.ledger.take(request, this.nowMs);
      if (answer !== undefined) this.letters.push({ from, boot, reply: answer, sentAt });
    } else if (reply !== undefined && proxy?.boot === boot) {
      proxy.hear(reply, sentAt, this.nowMs);
      this.admit(proxy);
    }
  }

  private kill(seat: Seat): void {
    const { proxy, disk } = seat;
    this.dead.push(proxy);
    for (const call of proxy.running) {
      call.bill = 1n;
      this.broken ??= this.tally.count(
        call,
        (call.hold?.parts ?? []).map(({ held }) => held),
      );
    }
    seat.proxy = new SimulatedProxy(disk, `b${(this.names += 1)}`, "machine", this.bug);
    // Long enough for the next boot to have the id.
    this.nowMs += idleMs;
  }

  private writeOff({ disk }: Seat): void {
    this.isWrittenOffAlive = true;
    if (this.ledger.missing().includes(disk.proxyId)) this.presumed.add(disk.proxyId);
    this.ledger.writeOff(disk.proxyId, this.nowMs);
  }

  private backUp(): void {
    const restore = this.ledger.backUp(this.nowMs);
    const presumed = [...this.presumed];
    this.restore = () => {
      restore();
      this.presumed.clear();
      for (const proxyId of presumed) this.presumed.add(proxyId);
    };
  }

  private restoreLedger(): void {
    this.restore?.();
    this.restore = undefined;
  }
}

function callOfOne(id: number, subject: Subject): Call {
  const terms = { inputNanoUsd: 1n, outputRateNanoUsd: 0n, outputTokensMost: 1, marginTokens: 1 };
  const charge: Charge = { kind: "full", subject, exposure: undefined, call: terms, has: { held: 0n, exposed: 0n } };
  const state = {
    written: 0,
    seen: 0,
    tries: 0,
    hold: undefined,
    isShort: false,
    isInputSaid: true,
    bill: 0n,
    billed: 0n,
  };
  return { id, charges: [charge], input: 1n, output: 1, tokenPrice: 0n, margin: 1, most: 1, ...state, claims: [] };
}

function isSame(a: Request | undefined, b: Request): boolean {
  return JSON.stringify(a, printed) === JSON.stringify(b, printed);
}

function printed(name: string, value: unknown): unknown {
  if (timeFields.has(name)) return undefined;
  // Of these it matters whether they are.
  if (name === "endedMs" || name === "forgottenMs") return Boolean(value);
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
