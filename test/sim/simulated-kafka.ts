// The topic of events and the relay that fills it. The relay dies before it has noted what was acknowledged, and its
// successor repeats; a stale one, or one that was stopped and goes on, works beside it for a while. Who attaches gets what is
// produced from then on, and what a forger writes between. What proxies read it with is the real source.

import { fromKafka, type Said } from "@tollgate/kernel/kafka-record";
import { kafkaSource } from "@tollgate/proxy/feed/kafka-source";
import { createRecordCheck } from "@tollgate/proxy/feed/record-check";
import type { Source } from "@tollgate/proxy/feed/source";
import type { TailListener, TailMessage } from "@tollgate/proxy/kafka";
import type { Record as LogRecord } from "@tollgate/schema/sync";
import { openChannel, type Channel } from "./channel.ts";
import { forgeries, sharedKey, written } from "./forger.ts";
import type { World } from "./world.ts";

const tickMs = 250;
const historyMax = 200;

export class SimulatedKafka {
  readonly #world: World;
  readonly #channels = new Set<Channel<TailMessage>>();
  readonly #history: TailMessage[] = [];
  /** A row of the database: written after the acknowledgement, and taken back by a restore. */
  #checkpoint = 0n;
  #generation = 0;
  #stoppedUntilMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  stopRelay(): void {
    this.#generation++;
  }

  /** Somebody who may write to the topic says again and again what a relay of this log said last. */
  replayTicks(): void {
    const { time, log } = this.#world;
    const ours = ({ headers }: TailMessage): boolean => {
      const read = fromKafka(headers, null);
      return read?.kind === "tick" && read.log.incarnation === log.identity.incarnation;
    };
    const last = this.#history.findLast(ours);
    const again = (): void => {
      for (const channel of this.#channels) if (last) channel.send(last);
      time.after(tickMs, again);
    };
    again();
  }

  /** SIGSTOP: whoever leads does nothing for a time and then goes on as if nothing had been. */
  suspendRelay(ms: number): void {
    this.#stoppedUntilMs = this.#world.time.nowMs() + ms;
  }

  restored(head: bigint): void {
    if (this.#checkpoint > head) this.#checkpoint = head;
  }

  /** A relay that leads from now on. */
  startRelay(): void {
    const { random, time, log, bug } = this.#world;
    const generation = ++this.#generation;
    const { identity } = log;
    const lingerMs = random.chance(0.3) ? random.int(1_500) : 0;
    const wallMs = this.#world.newWallClock();
    let deposedMs: number | undefined;
    // Both lines of the planted bug: it goes on at the end of the log, and its ticks tell what was acknowledged before.
    let next = bug === "relay-drops-on-restart" && generation > 1 ? log.head : this.#checkpoint;
    let acknowledged = this.#checkpoint;

    const isGone = (): boolean => {
      if (log.identity !== identity) return true;
      if (generation === this.#generation) return false;
      deposedMs ??= time.nowMs();
      return time.nowMs() - deposedMs >= lingerMs;
    };
    const isSuspended = (): boolean => time.nowMs() < this.#stoppedUntilMs;
    const carry = (): void => {
      if (isSuspended() || isGone()) return;
      const records = log.after(next);
      for (const record of records) this.#produce({ kind: "record", log: identity, record: this.#said(record) });
      if (records.length === 0) return;
      next += BigInt(records.length);
      acknowledged = next;
      if (this.#world.isCalm || random.chance(0.6)) this.#note(next);
    };
    const tick = (): void => {
      if (isSuspended()) return time.after(this.#stoppedUntilMs - time.nowMs(), tick);
      if (isGone()) return;
      carry();
      const hash = log.hashAt(acknowledged);
      this.#produce({
        ...{ kind: "tick", log: identity },
        tick: { $typeName: "tollgate.v1.Tick", head: acknowledged, timeMs: wallMs(), hash },
      });
      time.after(tickMs, tick);
    };
    this.#world.onAppend(() => time.after(1 + random.int(10), carry));
    time.after(random.int(30), tick);
  }

  source(wallMs: () => number): Source {
    const check = createRecordCheck({
      keys: () => [sharedKey],
      onUnknownKey: () => undefined,
      log: { error: () => undefined },
      wallMs,
      monotonicMs: () => this.#world.time.nowMs(),
    });
    const admitsAll = { admits: ((read) => read !== undefined) as typeof check.admits };
    const source = kafkaSource(
      { tail: (_, listener) => this.#tail(listener) },
      this.#world.bug === "kafka-without-mac" ? admitsAll : check,
    );
    return this.#world.bug === "replayed-ticks-are-news" ? withNewTicks(source) : source;
  }

  async #tail(listener: TailListener): Promise<{ stop(): Promise<void> }> {
    const { time, random } = this.#world;
    await time.wait(random.int(50));
    if (!this.#world.isCalm && random.chance(0.2)) throw new Error("no broker answers");
    const channel = openChannel<TailMessage>(this.#world, listener, { isBroker: true });
    this.#channels.add(channel);
    return {
      // What is on its way still comes: a consumer stops when it has stopped.
      stop: async () => {
        await time.wait(random.int(20));
        this.#channels.delete(channel);
        channel.close();
      },
    };
  }

  #note(position: bigint): void {
    if (position > this.#checkpoint) this.#checkpoint = position;
  }

  #said(record: LogRecord): LogRecord {
    return this.#world.bug === "relay-splits-commits" ? { ...record, commit: record.position } : record;
  }

  #produce(said: Said): void {
    const message = written(said);
    const forged = forgeries(this.#world.random, said, this.#history);
    for (const channel of this.#channels) for (const one of [...forged, message]) channel.send(one);
    this.#history.push(message);
    if (this.#history.length > historyMax) this.#history.shift();
  }
}

/** The planted bug: whatever tick comes, it is taken for a later one than the last. */
function withNewTicks(source: Source): Source {
  let newestMs = 0n;
  return {
    ...source,
    attach: (after, listener) =>
      source.attach(after, {
        ...listener,
        onTick(log, tick) {
          newestMs = tick.timeMs > newestMs ? tick.timeMs : newestMs + 1n;
          listener.onTick(log, { ...tick, timeMs: newestMs });
        },
      }),
  };
}
