// One run of the simulation, decided by one seed: a log, its relay and brokers, a control plane, a forger and a few proxies,
// all with clocks of their own, go through some seconds of faults, then through calm, at whose end every proxy must be where
// the log is. A run ends with the first broken promise.

import { limits } from "@tollgate/kernel/limits";
import { seededRandom, type SeededRandom } from "../support/random.ts";
import { SimulatedControl } from "./simulated-control.ts";
import { SimulatedKafka } from "./simulated-kafka.ts";
import { SimulatedLog } from "./simulated-log.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Faults that no part of the real system may have; each must be found. */
export const bugs = [
  "relay-drops-on-restart",
  "relay-splits-commits",
  "snapshot-torn",
  "read-leaves-holes",
  "follower-ignores-holes",
  "follower-takes-old-snapshots",
  "replica-loses-a-change",
  "kafka-without-mac",
  "replayed-ticks-are-news",
  "age-without-skew",
] as const;
export type Bug = (typeof bugs)[number];

export type Scenario = {
  bug?: Bug;
  /** How the calm is: with all that there is, or with brokers to which no relay writes any more, and only a forger does. */
  calm?: "complete" | "without-relay";
  /** A follower whose stop ends with an error breaks a promise. */
  mustStopCleanly?: boolean;
  isTraced?: boolean;
};

export type Verdict = {
  seed: number;
  violation: string | undefined;
  events: number;
  trace: readonly string[];
};

const faultsMs = 8_000;
const wallStartMs = 1_790_000_000_000;
/** Enough for a source that hangs to be found silent, left, tried again and left for good. */
const calmMs = 20_000;

export class World {
  readonly random: SeededRandom;
  readonly time = new VirtualTime();
  readonly log: SimulatedLog;
  readonly bug: Bug | undefined;
  readonly kafka: SimulatedKafka;
  readonly control: SimulatedControl;
  isCalm = false;
  violation: string | undefined;
  readonly traced: string[] = [];
  readonly #scenario: Scenario;
  readonly #appendListeners: (() => void)[] = [];
  readonly #proxies: SimulatedProxy[];

  constructor(seed: number, scenario: Scenario) {
    this.random = seededRandom(seed);
    this.#scenario = scenario;
    this.bug = scenario.bug;
    this.log = new SimulatedLog(this.random, () => this.time.nowMs());
    this.kafka = new SimulatedKafka(this);
    this.control = new SimulatedControl(this);
    this.#proxies = Array.from(
      { length: 1 + this.random.int(3) },
      (_, i) => new SimulatedProxy(this, `proxy ${i + 1}`),
    );
  }

  /** A machine's wall clock; any two of them differ by no more than is allowed. */
  newWallClock(): () => bigint {
    const offsetMs = this.random.pick([-1, 0, 1]) * (limits.clockSkewMs / 2);
    return () => BigInt(Math.floor(wallStartMs + this.time.nowMs() + offsetMs));
  }

  onAppend(listener: () => void): void {
    this.#appendListeners.push(listener);
  }

  trace(line: string): void {
    if (this.#scenario.isTraced) this.traced.push(`${this.time.nowMs()} ms  ${line}`);
  }

  fail(what: string): void {
    this.violation ??= `after ${this.time.nowMs()} ms: ${what}`;
    this.trace(`VIOLATION ${what}`);
  }

  stopFailed(what: string): void {
    if (this.#scenario.mustStopCleanly) this.fail(`a stop failed: ${what}`);
  }

  async run(): Promise<void> {
    const isOver = (): boolean => this.violation !== undefined;
    this.kafka.startRelay();
    for (const proxy of this.#proxies) this.time.after(this.random.int(500), () => proxy.start());
    this.#faults();
    await this.time.runTo(faultsMs, isOver);
    if (isOver()) return;
    this.#calmDown();
    await this.time.runTo(faultsMs + 2_000, isOver);
    const isSettled = (): boolean => isOver() || this.#proxies.every((proxy) => proxy.lag() === undefined);
    await this.time.runTo(faultsMs + calmMs, isSettled);
    if (!isSettled()) this.fail(`the log is at ${this.log.head}, ${this.#lags()}`);
  }

  #lags(): string {
    return this.#proxies.flatMap((proxy) => proxy.lag() ?? []).join("; ");
  }

  append(): void {
    this.log.append();
    this.trace(`log: up to ${this.log.head}`);
    for (const listener of this.#appendListeners) listener();
  }

  #faults(): void {
    const { random } = this;
    this.#again(400, () => this.append());
    this.#again(3_000, () => this.kafka.startRelay());
    this.#again(4_000, () => this.#crashOne());
    this.#again(5_000, () => this.kafka.suspendRelay(random.int(3_000)));
    this.#again(5_000, () => random.pick(this.#proxies).suspend(random.int(2_000)));
    this.#again(4_000, () => random.pick(this.#proxies).part(random.pick(["grpc", "kafka"]), random.int(4_000)));
    this.#again(5_000, () => random.pick(this.#proxies).renew());
    if (random.chance(0.5)) this.#once(() => this.#loseControl());
    if (random.chance(0.3)) this.#once(() => this.#restore());
  }

  #crashOne(): void {
    const proxy = this.random.pick(this.#proxies);
    proxy.crash();
    this.time.after(this.random.int(500), () => proxy.start());
  }

  #loseControl(): void {
    this.control.goAway();
    this.trace("control plane: away");
    this.time.after(this.random.int(3_000), () => (this.control.isAway = false));
  }

  #restore(): void {
    this.log.restore();
    this.trace(`log: restored at ${this.log.head}`);
    this.control.goAway();
    this.control.isAway = false;
    this.control.restored(this.log.head);
    this.kafka.restored(this.log.head);
    this.kafka.startRelay();
  }

  #calmDown(): void {
    this.isCalm = true;
    this.control.isAway = false;
    this.trace("calm");
    this.kafka.startRelay();
    if (this.#scenario.calm === "without-relay")
      this.time.after(500, () => {
        this.kafka.stopRelay();
        this.kafka.replayTicks();
      });
    for (const ms of [300, 700, 1_000]) this.time.after(ms, () => this.append());
    // A relay that is replaced while something waits for it; a crash would do the same.
    if (this.#scenario.calm !== "without-relay") this.time.after(1_000, () => this.kafka.startRelay());
  }

  /** At times that are `meanMs` apart, about, as long as there are faults. */
  #again(meanMs: number, run: () => void): void {
    this.time.after(1 + this.random.int(2 * meanMs), () => {
      if (this.isCalm) return;
      run();
      this.#again(meanMs, run);
    });
  }

  #once(run: () => void): void {
    this.time.after(this.random.int(faultsMs), () => {
      if (!this.isCalm) run();
    });
  }
}

export async function simulate(seed: number, scenario: Scenario = {}): Promise<Verdict> {
  const world = new World(seed, scenario);
  await world.run();
  return { seed, violation: world.violation, events: Number(world.log.head), trace: world.traced };
}

/** The first of the seeds from `firstSeed` on that breaks a promise. */
export async function firstViolation(
  firstSeed: number,
  seeds: number,
  scenario: Scenario = {},
  like = /./,
): Promise<Verdict | undefined> {
  for (let i = 0; i < seeds; i++) {
    const verdict = await simulate((firstSeed + i) % 2 ** 32, scenario);
    if (verdict.violation !== undefined && like.test(verdict.violation)) return verdict;
  }
  return undefined;
}
