// The topic of events and the relay that fills it. The relay dies before it has noted what was acknowledged, and its
// successor repeats; a stale one goes on beside it for a while. Who attaches gets what is produced from then on.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import type { Source } from "@tollgate/proxy/feed/source";
import { openChannel, type Channel, type Message } from "./channel.ts";
import type { World } from "./world.ts";

const tickMs = 250;

export class SimulatedKafka {
  readonly #world: World;
  readonly #channels = new Set<Channel>();
  /** A row of the database: written after the acknowledgement, and taken back by a restore. */
  #checkpoint = 0n;
  #generation = 0;

  constructor(world: World) {
    this.#world = world;
  }

  stopRelay(): void {
    this.#generation++;
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
    const carry = (): void => {
      if (isGone()) return;
      const records = log.after(next);
      for (const record of records) this.#produce({ log: identity, records: [this.#written(record)] });
      if (records.length === 0) return;
      next += BigInt(records.length);
      acknowledged = next;
      if (this.#world.isCalm || random.chance(0.6)) this.#note(next);
    };
    const tick = (): void => {
      if (isGone()) return;
      carry();
      const timeMs = BigInt(Math.floor(time.nowMs()));
      this.#produce({ log: identity, tick: { head: acknowledged, timeMs, hash: log.hashAt(acknowledged) } });
      time.after(tickMs, tick);
    };
    this.#world.onAppend(() => time.after(1 + random.int(10), carry));
    time.after(random.int(30), tick);
  }

  source(): Source {
    const { time, random } = this.#world;
    return {
      name: "kafka",
      beginsAt: "end",
      attach: async (_, listener) => {
        await time.wait(random.int(50));
        if (!this.#world.isCalm && random.chance(0.2)) throw new Error("no broker answers");
        const channel = openChannel(this.#world, listener, { isBroker: true });
        this.#channels.add(channel);
        return {
          // What is on its way still comes: a consumer stops when it has stopped.
          detach: async () => {
            await time.wait(random.int(20));
            this.#channels.delete(channel);
            channel.close();
          },
        };
      },
    };
  }

  #note(position: bigint): void {
    if (position > this.#checkpoint) this.#checkpoint = position;
  }

  #written(record: LogRecord): LogRecord {
    return this.#world.bug === "relay-splits-commits" ? { ...record, commit: record.position } : record;
  }

  #produce(message: Message): void {
    for (const channel of this.#channels) channel.send(message);
  }
}
