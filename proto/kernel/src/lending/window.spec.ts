// When a window that is full has room again, against a model that keeps every use by itself. Who is told a time that is too early
// comes in vain, all of a fleet at once; who is told one that is too late does not get what he pays for.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv, type SeededRandom } from "../../../../test/support/random.ts";
import { closeFor, exchange, newLease, openAccount, setLimit, writeOff, type Account, type Lease } from "./account.ts";

type Use = { readonly heardMs: number; readonly amount: bigint };

const many = <T>(values: Iterable<T>, of: (value: T) => bigint): bigint =>
  [...values].reduce((sum, value) => sum + of(value), 0n);

/** From when on so much fits beside what was used in the window before; undefined: never. */
function fitsFrom(uses: readonly Use[], needed: bigint, limit: bigint, windowMs: number, nowMs: number) {
  const times = [nowMs, ...uses.map(({ heardMs }) => heardMs + windowMs)].filter((ms) => ms >= nowMs);
  return times
    .sort((a, b) => a - b)
    .find((ms) => {
      const used = uses.filter(({ heardMs }) => heardMs + windowMs > ms);
      return many(used, ({ amount }) => amount) + needed <= limit;
    });
}

class Window {
  readonly windowMs: number;
  account: Account;
  readonly leases = new Map<string, Lease>();
  readonly uses: Use[] = [];
  nowMs = 1_000_000_007;
  told = 0;
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
    this.windowMs = random.pick([50, 600, 60_000, 3_600_000]);
    this.account = setLimit(openAccount("window", 0n, this.windowMs), BigInt(1 + random.int(40))).account;
  }

  step(): void {
    const { random } = this;
    this.nowMs += random.int(Math.ceil(this.windowMs / 8));
    const name = `p${random.int(4)}`;
    const before = this.leases.get(name) ?? newLease;
    const what = random.int(30);
    if (what === 0) this.account = setLimit(this.account, BigInt(random.int(40))).account;
    else if (what === 1 && before !== newLease) this.end(name, before);
    else this.exchange(name, before);
  }

  /** The next of the name is another one. */
  private end(name: string, lease: Lease): void {
    const isKnown = this.random.chance(0.5);
    const done = isKnown ? closeFor(this.account, lease, lease, this.nowMs) : writeOff(this.account, lease, this.nowMs);
    this.account = done.account;
    this.leases.delete(name);
    this.use(isKnown ? lease.open : lease.open + lease.unspent);
  }

  private use(amount: bigint): void {
    if (amount > 0n) this.uses.push({ heardMs: this.nowMs, amount });
  }

  private exchange(name: string, before: Lease): void {
    const { random, nowMs, account } = this;
    const part = (amount: bigint): bigint => BigInt(random.int(Number(amount) + 1));
    const held = part(before.unspent);
    const ended = part(before.open + held);
    // Some use less than they held, and some more.
    const used = random.chance(0.2) ? part(ended) : ended + (random.chance(0.1) ? 1n : 0n);
    const said = {
      ...{ revision: before.revision + 1n, draws: before.lastDraw, isClosed: false },
      ...{ settled: before.settled + used, open: before.open + held - ended, unspent: before.unspent - held },
    };
    const asked = BigInt(random.int(Number(account.limit) + 3));
    const draw = random.chance(0.8)
      ? { number: before.lastDraw + 1, asked, wanted: asked + BigInt(random.int(5)) }
      : undefined;
    const done = exchange(account, before, { ...said, draw }, { nowMs, isFrozen: false });
    this.account = done.account;
    this.leases.set(name, done.lease);
    this.use(used);
    const isShort = draw !== undefined && asked > 0n && done.answer.grant?.amount === 0n;
    this.judge(name, done.roomInMs, isShort ? asked : undefined);
  }

  private judge(name: string, inMs: number | undefined, asked: bigint | undefined): void {
    const { nowMs, windowMs, uses } = this;
    const lease = this.leases.get(name) ?? newLease;
    const needed = asked === undefined ? 1n : lease.unspent + asked;
    const fromMs = fitsFrom(uses, needed, this.account.limit, windowMs, nowMs);
    if (fromMs === undefined) {
      expect(inMs).toBeUndefined();
      return;
    }
    const atMs = nowMs + (inMs ?? 0);
    const granuleMs = Math.max(1, Math.floor(windowMs / 60));
    expect(atMs).toBeGreaterThanOrEqual(fromMs);
    expect(atMs).toBeLessThanOrEqual(fromMs + granuleMs);
    expect(this.again(name, asked, atMs)).toBe(true);
    if (inMs === undefined) return;
    this.told += 1;
    expect(this.again(name, asked, atMs - 1)).toBe(false);
  }

  /** Whether it is lent at that time, when nobody holds anything else. */
  private again(name: string, asked: bigint | undefined, nowMs: number): boolean {
    const said = ({ revision, settled, lastDraw }: Lease) => {
      return { revision: revision + 1n, settled, open: 0n, draws: lastDraw, isClosed: false };
    };
    let { account } = this;
    for (const [other, lease] of this.leases) {
      const idle = { ...said(lease), unspent: 0n, draw: undefined };
      if (other !== name) account = exchange(account, lease, idle, { nowMs, isFrozen: false }).account;
    }
    const lease = this.leases.get(name) ?? newLease;
    const draw = { number: lease.lastDraw + 1, asked: asked ?? 1n, wanted: asked ?? 1n };
    const asking = { ...said(lease), unspent: asked === undefined ? 0n : lease.unspent, draw };
    return exchange(account, lease, asking, { nowMs, isFrozen: false }).answer.grant?.amount === draw.asked;
  }
}

test("is never too early, later by a granule at most, and who comes again then is lent what he asked for", () => {
  const seed = seedFromEnv();
  let told = 0;
  for (let run = 0; run < 300; run += 1) {
    const window = new Window(seededRandom((seed + run) >>> 0));
    for (let step = 0; step < 60; step += 1) window.step();
    told += window.told;
  }
  expect(told).toBeGreaterThan(1_000);
});
