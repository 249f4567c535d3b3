// Proxies that lend from one ledger, and everything that can happen to them: messages that are lost, repeated and late, processes
// and machines that die or sleep, disks that are lost or copied, clocks that are off, limits that change, periods that end,
// a database that is restored. Both halves of lending are the kernel's; what happens, and when, is decided by a seed.

import type { Clocks } from "@tollgate/kernel/lending/lease";
import { seededRandom, type SeededRandom } from "../../support/random.ts";
import type { LendingBug } from "./bugs.ts";
import { costAt, type Call } from "./call.ts";
import { SimulatedLedger, type Reply, type Request, type Subject } from "./ledger.ts";
import { journalAt, violationAt } from "./laws.ts";
import { openMarket, type Market } from "./market.ts";
import { Tally } from "./tally.ts";
import { toldIn, toldOf } from "./telling.ts";
import { newDisk, SimulatedProxy, triesMax, type BootRecord, type Disk } from "./proxy.ts";

export type LendingRun = {
  readonly violation: string | undefined;
  readonly events: number;
  readonly trace: readonly string[];
};

type Machine = {
  readonly name: string;
  machineBoot: string;
  disk: Disk;
  proxy: SimulatedProxy | undefined;
  isAsleep: boolean;
  /** The even clock, which stands still in its sleep, and the wall's, which is off by so much. */
  slowMs: number;
  readonly wallOffMs: number;
  isCut: boolean;
};

type Message =
  | {
      readonly to: "ledger";
      readonly from: Machine;
      readonly boot: string;
      readonly request: Request;
      readonly sentAt: Clocks;
    }
  | { readonly to: Machine; readonly boot: string; readonly reply: Reply; readonly sentAt: Clocks };

const misfortunes = [
  "kill",
  "cut-power",
  "lose-disk",
  "copy-disk",
  "sleep",
  "cut-off",
  "write-off",
  "lose-upstream",
  "restore",
  "forget",
] as const;
type Misfortune = (typeof misfortunes)[number];

const ofRestores = [
  "restore",
  "restore",
  "kill",
  "cut-power",
  "lose-disk",
  "write-off",
  "forget",
] as const satisfies Misfortune[];

function misfortunesOf(random: SeededRandom): readonly Misfortune[] {
  if (random.chance(0.1)) return [];
  if (random.chance(0.2)) return random.shuffle(ofRestores).slice(0, 3);
  return random.shuffle(misfortunes).slice(0, 1 + random.int(4));
}

const messagesMax = 40;
const deadMax = 20;
const traceMax = 40;
const skewMs = 30_000;
const movesPerRun = 160;

/** The trace is of a second run of the seed, which is the same: to write down what happens takes longer than that it happens. */
export function simulateLending(seed: number, bug?: LendingBug): LendingRun {
  const world = new LendingWorld(seededRandom(seed), bug, false);
  const violation = world.run(movesPerRun);
  if (violation === undefined) return { violation, events: world.events, trace: [] };
  const again = new LendingWorld(seededRandom(seed), bug, true);
  again.run(movesPerRun);
  return { violation, events: world.events, trace: again.trace.slice(-traceMax) };
}

class LendingWorld {
  events = 0;
  readonly trace: string[] = [];
  private nowMs: number;
  private readonly random: SeededRandom;
  private readonly bug: LendingBug | undefined;
  private readonly subjects: readonly Subject[];
  private readonly ledger: SimulatedLedger;
  private machines: Machine[] = [];
  private wire: Message[] = [];
  private readonly tally = new Tally();
  private presumed = new Set<string>();
  private isWrittenOffAlive = false;
  private restore: (() => void) | undefined;
  private readonly dead: SimulatedProxy[] = [];
  private hasCopied = false;
  private names = 0;
  private broken: string | undefined;
  /** Few at a time, and then often: what needs two of a kind is hardly ever seen among all kinds. */
  private readonly misfortunes: readonly Misfortune[];
  private readonly lossRate: number;
  private readonly repeatRate: number;
  private readonly disorder: number;
  private readonly market: Market;
  /** The part of what is written that is not reasoned unseen. */
  private readonly visible: number;
  private readonly isTraced: boolean;

  constructor(random: SeededRandom, bug: LendingBug | undefined, isTraced: boolean) {
    this.isTraced = isTraced;
    this.random = random;
    this.bug = bug;
    this.nowMs = 3_600_000 - random.int(random.pick([60_000, 3_600_000]));
    this.market = openMarket(random);
    this.subjects = this.market.subjects;
    this.visible = random.pick([0, 0.3, 1]);
    this.misfortunes = misfortunesOf(random);
    this.lossRate = random.pick([0, 0.03, 0.2]);
    this.repeatRate = random.pick([0, 0.03, 0.2]);
    this.disorder = random.pick([0, 0.3, 0.8]);
    this.ledger = new SimulatedLedger(new Map(this.subjects.map((subject) => [subject.name, subject])), bug);
    const count = random.chance(0.1) ? 5 + random.int(6) : 1 + random.int(3);
    for (let machine = 0; machine < count; machine += 1) this.newMachine();
  }

  run(movesMax: number): string | undefined {
    for (let move = 0; move < movesMax; move += 1) {
      this.move();
      const violation = this.check(move % 16 === 0);
      if (violation !== undefined) return violation;
    }
    this.heal();
    return this.check(true);
  }

  private check(isWhole: boolean): string | undefined {
    this.events += 1;
    if (this.broken !== undefined) return this.broken;
    const proxies = this.machines.flatMap(({ proxy }) => proxy ?? []);
    const { ledger, nowMs, tally, presumed, isWrittenOffAlive } = this;
    const violation = violationAt({
      ledger,
      nowMs,
      proxies,
      dead: this.dead,
      sums: tally.sums,
      presumed,
      isWrittenOffAlive,
    });
    return violation ?? (isWhole ? journalAt(ledger) : undefined);
  }

  private move(): void {
    const { random } = this;
    const machine = random.pick(this.machines);
    const roll = random.next();
    if (roll < 0.2) this.offer(machine);
    else if (roll < 0.42) this.step(machine);
    else if (roll < 0.64) this.deliver();
    else if (roll < 0.83) this.progress(machine);
    else if (roll < 0.9) this.pass();
    else if (roll < 0.93) this.change();
    else if (this.misfortunes.length > 0) this.befall(random.pick(this.misfortunes), machine);
  }

  private befall(misfortune: Misfortune, machine: Machine): void {
    switch (misfortune) {
      case "kill":
        return this.kill(machine);
      case "cut-power":
        return this.cutPower(machine);
      case "lose-disk":
        return this.loseDisk(machine);
      case "copy-disk":
        return this.copyDisk(machine);
      case "sleep":
        return this.sleep(machine);
      case "cut-off":
        machine.isCut = !machine.isCut;
        return;
      case "write-off":
        return this.writeOff();
      case "lose-upstream":
        return this.loseUpstream(machine);
      case "forget":
        this.say(() => `${machine.name} forgets its former boots`);
        return machine.proxy?.forget(this.clocksOf(machine).wallMs);
      case "restore":
        if (this.restore !== undefined && this.random.chance(0.6)) this.restoreLedger();
        else this.restore ??= this.backUp();
    }
  }

  private say(what: () => string): void {
    if (this.isTraced) this.trace.push(`${this.nowMs} ${what()}`);
  }

  // Calls

  private offer({ proxy, isAsleep, name }: Machine): void {
    if (proxy === undefined || isAsleep || proxy.waiting.length > 8) return;
    const call = this.market.call(++this.names);
    proxy.waiting.push(call);
    this.say(
      () => `${name} is asked for call ${call.id} of ${call.charges.map(({ subject }) => subject.name).join(", ")}`,
    );
  }

  /** Lets calls out, and says what there is to say. */
  private step(machine: Machine): void {
    const { proxy } = machine;
    if (proxy === undefined || machine.isAsleep) return;
    const now = this.clocksOf(machine);
    const out = proxy.admit(now);
    for (const call of out) this.sendOut(call, machine);
    for (const call of [...proxy.running])
      if (call.isShort && (call.tries += 1) > 2 * triesMax) this.cancel(call, proxy, "short");
      else this.count(call);
    const request = proxy.say(now);
    if (request === undefined) return;
    this.send({ to: "ledger", from: machine, boot: proxy.boot, request, sentAt: now }, machine);
  }

  private sendOut(call: Call, { name }: Machine): void {
    this.say(() => `${name} lets call ${call.id} out`);
    call.tries = 0;
    for (const { lease, covers } of call.hold?.parts ?? []) {
      const row = this.ledger.rows.accounts.get(lease.account);
      // What the ledger forgot with its disk, nobody can compare.
      if (row?.endsMs !== undefined && covers === undefined && this.nowMs >= row.endsMs)
        this.broken = `period: call ${call.id} holds of ${lease.account}, which is over for ${this.nowMs - row.endsMs} ms`;
    }
    this.count(call);
  }

  /** A provider writes, and what it writes is read, if it may be. */
  private progress({ proxy, isAsleep, name }: Machine): void {
    const { random } = this;
    if (proxy === undefined || proxy.running.length === 0) return;
    const call = random.pick(proxy.running);
    call.written = Math.min(call.output, call.written + random.int(1 + Math.ceil(call.most / 3)));
    if (isAsleep) return this.count(call);
    const machine = this.machines.find((one) => one.proxy === proxy);
    if (machine === undefined) return;
    const now = this.clocksOf(machine);
    if (!call.isInputSaid && random.chance(0.5)) {
      call.isInputSaid = true;
      proxy.hearInput(call);
    }
    const before = call.seen;
    const visible = Math.max(before, Math.floor(call.written * this.visible));
    call.seen = Math.min(visible, before + random.int(1 + call.margin));
    if (!proxy.mayRead(call, now)) call.seen = before;
    this.count(call);
    const roll = random.next();
    if (call.written === call.output && roll < 0.7) {
      call.bill = costAt(call, call.output);
      this.say(() => `${name}'s call ${call.id} ends, for ${call.bill}`);
      this.ended(call, proxy.end(call, { kind: "said", costNanoUsd: call.bill }));
    } else if (roll > 0.93) this.cancel(call, proxy, "gone");
    if (random.chance(0.5)) proxy.write();
  }

  private cancel(call: Call, proxy: SimulatedProxy, why: string): void {
    call.bill = this.billOfCancelled(call);
    this.say(() => `call ${call.id} is cancelled (${why}), for ${call.bill}`);
    this.ended(call, proxy.end(call, { kind: "cancelled", seenTokens: call.seen }));
  }

  private billOfCancelled(call: Call): bigint {
    return costAt(call, Math.min(call.output, call.seen + this.random.int(call.margin + 1)));
  }

  /** Neither side hears of the other any more, and the provider goes on. */
  private loseUpstream({ proxy, isAsleep }: Machine): void {
    const call = proxy?.running[0];
    if (proxy === undefined || call === undefined || isAsleep) return;
    call.bill = costAt(call, call.output);
    this.say(() => `call ${call.id} is lost, for ${call.bill}`);
    this.ended(call, proxy.end(call, { kind: "lost" }));
  }

  private ended(call: Call, used: readonly bigint[]): void {
    for (const [index, { lease }] of (call.hold?.parts ?? []).entries())
      if (lease.kind === "window") this.use(lease.account, used[index] ?? 0n);
    this.count(call, used);
  }

  private use(account: string, amount: bigint): void {
    const row = this.ledger.rows.accounts.get(account);
    if (row === undefined) return;
    const sum = this.tally.use(account, this.nowMs, amount, row.state.windowMs);
    // Who was written off and lives uses what was lent to another meanwhile.
    if (!this.isWrittenOffAlive && sum > (this.ledger.highest.get(account) ?? 0n))
      this.broken = `window: ${sum} of ${account} were used within its window`;
  }

  private count(call: Call, used?: readonly bigint[]): void {
    this.broken ??= this.tally.count(call, used);
  }

  // Messages

  private send(message: Message, { isCut, name }: Machine): void {
    if (isCut || this.random.chance(this.lossRate)) return this.say(() => `a message of or to ${name} is lost`);
    this.wire.push(message);
    if (this.random.chance(this.repeatRate)) this.wire.push(message);
    if (this.wire.length > messagesMax) this.wire.shift();
  }

  private deliver(): void {
    if (this.wire.length === 0) return;
    const index = this.random.chance(this.disorder) ? this.random.int(this.wire.length) : 0;
    const [message] = this.wire.splice(index, 1);
    if (message !== undefined) this.bring(message);
  }

  private bring(message: Message): void {
    const { boot, sentAt } = message;
    if (message.to === "ledger") {
      const { from, request } = message;
      const reply = this.ledger.take(request, this.nowMs);
      this.say(
        () => `the ledger hears ${from.name}/${boot}: ${toldOf(request)}${reply === undefined ? " (not its id)" : ""}`,
      );
      if (reply !== undefined) this.send({ to: from, boot, reply, sentAt }, from);
      return;
    }
    const { to, reply } = message;
    if (to.proxy?.boot !== boot) return;
    if (to.isAsleep) return void this.wire.push(message);
    to.proxy.hear(reply, sentAt, this.clocksOf(to).wallMs);
    this.say(() => `${to.name} hears: ${toldIn(reply)}`);
  }

  // Time

  private pass(): void {
    const { random } = this;
    const ms = random.pick([50, 500, 3_000, 8_000, random.chance(0.2) ? 1_000_000 : 30_000]);
    this.nowMs += ms;
    for (const machine of this.machines) if (machine.isAsleep) machine.slowMs += ms;
    if (this.bug === "time-reduces-a-lease" || this.bug === "facts-reduce-a-lease") this.reduce();
  }

  private reduce(): void {
    for (const row of this.ledger.rows.leases.values()) {
      const isSilent = this.nowMs - row.heardMs > 20_000;
      if (this.bug === "time-reduces-a-lease" ? isSilent : this.random.chance(0.3))
        this.ledger.reduce(row, this.bug === "time-reduces-a-lease" ? row.state.unspent : row.state.settled);
    }
  }

  private clocksOf({ slowMs, wallOffMs }: Machine): Clocks {
    const evenMs = this.nowMs - slowMs;
    return { monotonicMs: evenMs, wallMs: this.bug === "trusts-the-even-clock" ? evenMs : this.nowMs + wallOffMs };
  }

  // What an admin does

  private change(): void {
    const { random, ledger, nowMs } = this;
    const subject = random.pick(this.subjects);
    // What a limit was after the backup, and what was spent without it, is lost with what was lent by it. See ADR 0027.
    if (this.restore !== undefined || ledger.isFrozen) return;
    if (random.chance(0.2) && subject.kind === "money") {
      const account = ledger.addUnreserved(subject, BigInt(random.int(50)), nowMs);
      return this.say(() => `something was spent of ${account} without it`);
    }
    const limit = (subject.limit * BigInt(50 + random.int(110))) / 100n + 1n;
    ledger.changeLimit(subject, limit, nowMs);
    this.say(() => `${subject.name} has the limit ${limit}`);
  }

  private writeOff(): void {
    const { random, ledger } = this;
    const alive = new Set(this.machines.flatMap(({ disk, proxy }) => (proxy === undefined ? [] : [disk.proxyId])));
    const gone = [...ledger.proxies].filter((proxyId) => !alive.has(proxyId));
    const proxyId = gone.length > 0 && random.chance(0.8) ? random.pick(gone) : random.pick([...ledger.proxies]);
    this.writeOffProxy(proxyId, alive.has(proxyId));
  }

  private writeOffProxy(proxyId: string, isAlive: boolean): void {
    if (isAlive) this.isWrittenOffAlive = true;
    if (this.ledger.missing().includes(proxyId)) this.presumed.add(proxyId);
    this.ledger.writeOff(proxyId, this.nowMs);
    this.say(() => `${proxyId} is written off${isAlive ? ", and lives" : ""}`);
  }

  private backUp(): () => void {
    const restore = this.ledger.backUp(this.nowMs);
    const presumed = new Set(this.presumed);
    return () => {
      restore();
      this.presumed = presumed;
    };
  }

  private restoreLedger(): void {
    // Not after a copy: whoever has the id then does not know what his twin was lent. See ADR 0027.
    if (this.restore === undefined || this.hasCopied) return;
    this.restore();
    this.restore = undefined;
    this.say(() => `the ledger is restored, as incarnation ${this.ledger.incarnation}`);
  }

  // What happens to machines

  private newMachine(): Machine {
    const name = `m${++this.names}`;
    const disk = newDisk(`p${this.names}`);
    const machine: Machine = {
      ...{ name, machineBoot: `${name}.1`, disk, proxy: undefined, isAsleep: false, slowMs: 0, isCut: false },
      wallOffMs: this.random.int(2 * skewMs) - skewMs,
    };
    this.machines.push(machine);
    this.start(machine);
    return machine;
  }

  private start(machine: Machine): void {
    const { disk, machineBoot, name } = machine;
    const proxy = new SimulatedProxy(disk, `b${++this.names}`, machineBoot, this.bug);
    machine.proxy = proxy;
    machine.isAsleep = false;
    this.ledger.proxies.add(disk.proxyId);
    this.say(() => `${name} starts ${disk.proxyId} as ${proxy.boot}, epoch ${proxy.epoch}`);
  }

  /** The process dies; the system closes its connections, and another one starts on the same disk. */
  private kill(machine: Machine): void {
    this.die(machine, (call) => this.billOfCancelled(call));
    this.start(machine);
  }

  /** Nobody tells the providers, and what the disk has need not be all. */
  private cutPower(machine: Machine): void {
    this.die(machine, (call) => costAt(call, call.output));
    machine.machineBoot = `${machine.name}.${++this.names}`;
    machine.slowMs = 0;
    this.start(machine);
  }

  private loseDisk(machine: Machine): void {
    this.die(machine, (call) => costAt(call, call.output));
    this.machines = this.machines.filter((other) => other !== machine);
    this.newMachine();
  }

  private die({ proxy, name }: Machine, billOf: (call: Call) => bigint): void {
    this.say(() => `${name} dies`);
    if (proxy !== undefined) this.dead.push(proxy);
    if (this.dead.length > deadMax) this.dead.shift();
    for (const call of proxy?.running ?? []) {
      call.bill = billOf(call);
      const used = (call.hold?.parts ?? []).map(({ held }) => held);
      this.ended(call, used);
    }
  }

  private copyDisk({ disk, name }: Machine): void {
    if (this.ledger.isFrozen) return;
    this.hasCopied = true;
    const copy = this.newMachine();
    const records = disk.records.map((record): BootRecord => ({ ...record, totals: new Map(record.totals) }));
    copy.disk = { ...disk, records };
    this.start(copy);
    this.say(() => `the disk of ${name} is copied to ${copy.name}`);
  }

  private sleep(machine: Machine): void {
    machine.isAsleep = !machine.isAsleep;
    this.say(() => `${machine.name} ${machine.isAsleep ? "falls asleep" : "wakes"}`);
  }

  /** No more misfortune; everybody is heard, and what will never be is written off. */
  private heal(): void {
    this.say(() => "all is well from here on");
    for (const machine of this.machines) [machine.isCut, machine.isAsleep] = [false, false];
    for (let round = 0; round < 12 && this.broken === undefined; round += 1) {
      this.nowMs += 1_000;
      for (const machine of this.machines) {
        this.step(machine);
        for (const call of machine.proxy?.running.slice(0, 4) ?? [])
          if (machine.proxy) this.cancel(call, machine.proxy, "end");
      }
      for (const message of this.wire.splice(0)) this.bring(message);
      if (round === 6) for (const proxyId of this.ledger.missing()) this.writeOffProxy(proxyId, true);
    }
  }
}
