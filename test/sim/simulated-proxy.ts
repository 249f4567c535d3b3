// A proxy as far as it follows the log: the real follower and the real replica over simulated lines. It holds every step
// against what the log says, and crashes and comes back with nothing.

import { create, toBinary } from "@bufbuild/protobuf";
import { FeedSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import { follow, type Follower, type FollowerParts } from "@tollgate/proxy/feed/follower";
import type { Snapshot } from "@tollgate/proxy/feed/mender";
import { createReplicaHolder, type ReplicaHolder } from "@tollgate/proxy/feed/replica-holder";
import type { Log } from "@tollgate/proxy/feed/source";
import { followNaively } from "./naive-follower.ts";
import { digestsOf } from "./simulated-log.ts";
import type { World } from "./world.ts";

export class SimulatedProxy {
  readonly #world: World;
  readonly #name: string;
  readonly #hasKafka: boolean;
  #holder: ReplicaHolder = createReplicaHolder();
  #follower: Follower | undefined;
  /** Of this boot; an earlier one may still hear something and must not be heard. */
  #boot = 0;
  #log: Log | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#hasKafka = world.random.chance(0.75);
  }

  start(): void {
    const boot = ++this.#boot;
    this.#holder = createReplicaHolder();
    this.#log = undefined;
    const { kafka, control, time, bug } = this.#world;
    const heard = (run: () => void): void => {
      if (boot === this.#boot && this.#world.violation === undefined) run();
    };
    const parts: FollowerParts = {
      sources: this.#hasKafka ? [kafka.source(), control.source()] : [control.source()],
      snapshot: control.snapshot,
      read: control.read,
      onSnapshot: (snapshot) => heard(() => this.#onSnapshot(snapshot)),
      onCommits: (log, records) => heard(() => this.#onCommits(log, records)),
      onTick: (_, { head }) => heard(() => this.#onTick(head)),
      onProblem: (problem) => heard(() => this.#world.trace(`${this.#name}: ${problem}`)),
      clock: time,
    };
    this.#follower = bug === "follower-ignores-holes" ? followNaively(parts) : follow(parts);
  }

  crash(): void {
    this.#boot++;
    // A crash hears nothing more; whether a stop would have failed is a promise of its own.
    this.#follower?.stop().catch((error: unknown) => this.#world.stopFailed(`${this.#name}: ${String(error)}`));
    this.#follower = undefined;
    this.#world.trace(`${this.#name}: crash`);
  }

  /** Why this proxy is not where the log is; undefined when it is. */
  lag(): string | undefined {
    const { log } = this.#world;
    const position = this.#holder.position();
    if (this.#log?.incarnation === log.identity.incarnation && position === log.head) return undefined;
    return `${this.#name} is at ${position} of incarnation ${this.#log?.incarnation ?? "none"}`;
  }

  #onSnapshot({ log, position, chunks }: Snapshot): void {
    const before = this.#holder.position();
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
      const feed = toBinary(FeedSchema, create(FeedSchema, { log, records: [...records] }));
      this.#holder.apply({ kind: "records", feed });
    } catch (error) {
      return this.#violated(String(error));
    }
    this.#checkState(`records up to ${known}`);
  }

  #onTick(head: bigint): void {
    if (head > this.#holder.position()) this.#violated(`a tick for ${head} came at ${this.#holder.position()}`);
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
