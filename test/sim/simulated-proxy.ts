// A proxy as far as it follows the log: the real follower, source and replica over simulated lines. It holds every step
// against what the log says, and the age that it claims against what it lacks. It crashes and comes back with nothing, is
// stopped and goes on, and is parted from brokers or control plane for a time. Its clock may be wrong within what is allowed.

import { create, toBinary } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { FeedSchema, RecordSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import { follow, type Follower, type FollowerParts } from "@tollgate/proxy/feed/follower";
import type { Clock, Snapshot } from "@tollgate/proxy/feed/mender";
import { createReplicaHolder, type ReplicaHolder } from "@tollgate/proxy/feed/replica-holder";
import type { Log, Source } from "@tollgate/proxy/feed/source";
import { followNaively } from "./naive-follower.ts";
import { digestsOf } from "./simulated-log.ts";
import type { World } from "./world.ts";

const checkAgeMs = 250;

export class SimulatedProxy {
  readonly #world: World;
  readonly #name: string;
  readonly #hasKafka: boolean;
  readonly #wallMs: () => number;
  #holder: ReplicaHolder;
  #follower: Follower | undefined;
  /** Of this boot; an earlier one may still hear something and must not be heard. */
  #boot = 0;
  #log: Log | undefined;
  readonly #cutFrom = new Set<Source["name"]>();
  /** While it is stopped: what waits for it to go on. */
  #waiting: (() => void)[] | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#hasKafka = world.random.chance(0.75);
    const wallMs = world.newWallClock();
    this.#wallMs = () => Number(wallMs());
    this.#holder = this.#newHolder();
  }

  #newHolder(): ReplicaHolder {
    // On a machine that sleeps all the time: its monotonic clock helps the wall clock in nothing.
    return createReplicaHolder({ wallMs: this.#wallMs, monotonicMs: () => 0 });
  }

  start(): void {
    const boot = ++this.#boot;
    this.#holder = this.#newHolder();
    this.#log = undefined;
    const { kafka, control, time, bug } = this.#world;
    const heard = (run: () => void): void => {
      if (boot === this.#boot && this.#world.violation === undefined) run();
    };
    const watch = this.#reached(control.source());
    const parts: FollowerParts = {
      sources: this.#hasKafka ? [this.#reached(kafka.source(this.#wallMs)), watch] : [watch],
      snapshot: (atLeast, signal) => this.#asked(() => control.snapshot(atLeast, signal)),
      read: (after, listener, signal) =>
        this.#asked(() =>
          control.read(
            after,
            {
              onRecords: (log, records) => this.#orThrow(() => listener.onRecords(log, records)),
              onTick: (log, tick) => this.#orThrow(() => listener.onTick(log, tick)),
            },
            signal,
          ),
        ),
      onSnapshot: (snapshot) => heard(() => this.#onSnapshot(snapshot)),
      onCommits: (log, records) => heard(() => this.#onCommits(log, records)),
      onTick: (log, { head, timeMs }) => heard(() => this.#onTick(log, head, Number(timeMs))),
      onProblem: (problem) => heard(() => this.#world.trace(`${this.#name}: ${problem}`)),
      clock: this.#clock(time),
    };
    this.#follower =
      bug === "follower-ignores-holes" || bug === "follower-takes-old-snapshots"
        ? followNaively(parts, bug === "follower-takes-old-snapshots")
        : follow(parts);
    this.#watchAge(boot);
  }

  crash(): void {
    this.#boot++;
    // A crash hears nothing more; whether a stop would have failed is a promise of its own.
    this.#follower?.stop().catch((error: unknown) => this.#world.stopFailed(`${this.#name}: ${String(error)}`));
    this.#follower = undefined;
    this.#goOn();
    this.#world.trace(`${this.#name}: crash`);
  }

  /** SIGSTOP and, later, SIGCONT. */
  suspend(ms: number): void {
    if (this.#waiting) return;
    this.#waiting = [];
    this.#world.trace(`${this.#name}: stopped for ${ms} ms`);
    this.#world.time.after(ms, () => this.#goOn());
  }

  part(from: Source["name"], ms: number): void {
    this.#cutFrom.add(from);
    this.#world.trace(`${this.#name}: parted from ${from} for ${ms} ms`);
    this.#world.time.after(ms, () => this.#cutFrom.delete(from));
  }

  renew(): void {
    this.#follower?.renew().catch((error: unknown) => this.#world.trace(`${this.#name}: ${String(error)}`));
  }

  /** Why this proxy is not where the log is; undefined when it is. */
  lag(): string | undefined {
    const { log } = this.#world;
    const position = this.#holder.position();
    if (this.#log?.incarnation === log.identity.incarnation && position === log.head) return undefined;
    return `${this.#name} is at ${position} of incarnation ${this.#log?.incarnation ?? "none"}`;
  }

  #goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of waiting) run();
  }

  #whenGoing(run: () => void): void {
    if (this.#waiting) this.#waiting.push(run);
    else run();
  }

  #going(): Promise<void> {
    return new Promise((resolve) => this.#whenGoing(resolve));
  }

  #clock(time: Clock): Clock {
    return {
      nowMs: () => time.nowMs(),
      wait: async (ms, signal) => {
        await time.wait(ms, signal);
        if (this.#waiting) await this.#going();
      },
    };
  }

  /** What a parted proxy is told does not arrive; what a stopped one is told arrives when it goes on. */
  #reached(source: Source): Source {
    const hear = (run: () => void): void => {
      if (!this.#cutFrom.has(source.name)) this.#whenGoing(run);
    };
    return {
      ...source,
      attach: async (after, listener) => {
        if (this.#cutFrom.has(source.name)) throw new Error("no way there");
        return source.attach(after, {
          onRecords: (log, records) => hear(() => listener.onRecords(log, records)),
          onTick: (log, tick) => hear(() => listener.onTick(log, tick)),
          onLost: (reason) => hear(() => listener.onLost(reason)),
        });
      },
    };
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    this.#orThrow(() => undefined);
    try {
      const answer = await ask();
      this.#orThrow(() => undefined);
      return answer;
    } finally {
      if (this.#waiting) await this.#going();
    }
  }

  #orThrow(run: () => void): void {
    if (this.#cutFrom.has("grpc")) throw new Error("the line to the control plane is cut");
    run();
  }

  #onSnapshot({ log, position, chunks }: Snapshot): void {
    const before = this.#holder.position();
    if (this.#log && log.incarnation < this.#log.incarnation)
      return this.#violated(`a snapshot went back from incarnation ${this.#log.incarnation} to ${log.incarnation}`);
    if (this.#log?.incarnation === log.incarnation && position < before)
      return this.#violated(`a snapshot went back from ${before} to ${position}`);
    this.#holder.apply({ kind: "snapshot", chunks });
    this.#log = log;
    this.#checkState(`a snapshot at ${position}`);
  }

  #onCommits(log: Log, records: readonly LogRecord[]): void {
    let known = this.#holder.position();
    if (this.#log?.incarnation !== log.incarnation) return this.#violated("records of another log were delivered");
    for (const { position } of records) {
      if (position !== known + 1n) return this.#violated(`${position} was delivered after ${known}`);
      known = position;
    }
    try {
      const feed = toBinary(FeedSchema, create(FeedSchema, { log, records: this.#kept(records) }));
      this.#holder.apply({ kind: "records", feed });
    } catch (error) {
      return this.#violated(String(error));
    }
    this.#checkState(`records up to ${known}`);
  }

  /** What of the records is applied: all, or, with the planted bug, one now and then as if it changed nothing. */
  #kept(records: readonly LogRecord[]): LogRecord[] {
    const { bug, random } = this.#world;
    if (bug !== "replica-loses-a-change" || !random.chance(0.1)) return [...records];
    return records.map(({ position, commit, type, previous, hash }) =>
      create(RecordSchema, { position, commit, type, previous, hash }),
    );
  }

  #onTick(log: Log, head: bigint, timeMs: number): void {
    if (head > this.#holder.position()) return this.#violated(`a tick for ${head} came at ${this.#holder.position()}`);
    if (this.#log?.incarnation !== log.incarnation) return this.#violated("a tick of another log was delivered");
    this.#holder.apply({ kind: "tick", head, timeMs });
    this.#checkAge();
  }

  #watchAge(boot: number): void {
    if (boot !== this.#boot) return;
    this.#checkAge();
    this.#world.time.after(checkAgeMs, () => this.#watchAge(boot));
  }

  /** Who claims an age says that he lacks nothing that is older. */
  #checkAge(): void {
    const saidMs = this.#holder.ageMs();
    const ageMs = saidMs && saidMs - (this.#world.bug === "age-without-skew" ? limits.clockSkewMs : 0);
    const sinceMs = this.#world.log.lackingSinceMs(this.#log, this.#holder.position());
    if (ageMs === undefined || sinceMs === undefined) return;
    const lackingMs = this.#world.time.nowMs() - sinceMs;
    if (ageMs + 1 < lackingMs) this.#violated(`it claims an age of ${ageMs} ms and lacks what is ${lackingMs} ms old`);
  }

  #checkState(after: string): void {
    this.#world.trace(`${this.#name}: ${after}`);
    const replica = this.#holder.view()?.replica;
    const wanted = this.#log && replica && this.#world.log.foldAt(this.#log, replica.position);
    if (!replica || !wanted) return this.#violated(`${after}: half of a commit can be seen`);
    if (digestsOf(replica) !== digestsOf(wanted)) this.#violated(`${after}: the state is not the log's`);
  }

  #violated(what: string): void {
    this.#world.fail(`${this.#name}: ${what}`);
  }
}
