// What a proxy asks the control plane for: a snapshot, a watch, a read to the end. The snapshot is of the projection, which
// lags; a watch and a read are of the log itself. It goes away for a while and takes its watches with it.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import { LogDiffers, type MenderParts, type Snapshot } from "@tollgate/proxy/feed/mender";
import type { Place, Source } from "@tollgate/proxy/feed/source";
import type { Log, Tick } from "@tollgate/proxy/feed/source";
import { openChannel, type Channel } from "./channel.ts";
import type { World } from "./world.ts";

const tickMs = 250;

type Message = { log: Log } & ({ records: readonly LogRecord[] } | { tick: Tick });

export class SimulatedControl {
  isAway = false;
  readonly #world: World;
  readonly #watches = new Set<Channel<Message>>();
  readonly #wallMs: () => bigint;
  #projected = 0n;
  #projectedBefore = 0n;

  constructor(world: World) {
    this.#world = world;
    this.#wallMs = world.newWallClock();
    world.onAppend(() =>
      world.time.after(1 + world.random.int(world.random.chance(0.2) ? 500 : 20), () => this.#project()),
    );
  }

  goAway(): void {
    this.isAway = true;
    for (const watch of this.#watches) watch.lose("the control plane is gone");
    this.#watches.clear();
  }

  restored(head: bigint): void {
    if (this.#projected > head) this.#projected = head;
    if (this.#projectedBefore > head) this.#projectedBefore = head;
  }

  source(): Source {
    return {
      name: "grpc",
      beginsAt: "position",
      attach: async (after, listener) => {
        if (after === undefined) throw new Error("a watch needs a position to begin after");
        await this.#answer();
        const hearer = {
          onMessage: (message: Message) =>
            "tick" in message
              ? listener.onTick(message.log, message.tick)
              : listener.onRecords(message.log, message.records),
          onLost: listener.onLost,
        };
        const channel = openChannel<Message>(this.#world, hearer, { isBroker: false });
        this.#watch(after, channel);
        return {
          detach: async () => {
            await this.#world.time.wait(this.#world.random.int(20));
            this.#watches.delete(channel);
            channel.close();
          },
        };
      },
    };
  }

  snapshot: MenderParts["snapshot"] = async (): Promise<Snapshot> => {
    const { log, bug, time, random } = this.#world;
    await this.#answer();
    // One of several control planes, whose projection lags behind all that proxies have seen.
    const isLagging = !this.#world.isCalm && random.chance(0.15);
    const position = isLagging ? log.someEnd(this.#projected) : this.#projected;
    const rowsAt = bug === "snapshot-torn" ? this.#projectedBefore : position;
    const snapshot = {
      log: log.identity,
      position,
      hash: log.hashAt(position),
      chunks: log.snapshotAt(position, rowsAt),
    };
    await time.wait(random.int(60));
    return snapshot;
  };

  read: MenderParts["read"] = async (after, listener) => {
    const { log, time, random, bug } = this.#world;
    await this.#answer();
    this.#mustHave(after);
    let position = after.position;
    for (;;) {
      const records = log.after(position).slice(0, 1 + random.int(12));
      if (records.length === 0) break;
      position += BigInt(records.length);
      listener.onRecords(after.log, bug === "read-leaves-holes" ? records.slice(1) : records);
      await time.wait(random.int(10));
      if (this.isAway || log.identity !== after.log) throw new Error("the read was cut off");
    }
    listener.onTick(after.log, this.#tickAt(position));
  };

  #watch({ log: followed, position, hash }: Place, channel: Channel<Message>): void {
    this.#mustHave({ log: followed, position, hash });
    const { log, time, random } = this.#world;
    this.#watches.add(channel);
    let next = position;
    const send = (): void => {
      if (!this.#watches.has(channel)) return;
      const records: LogRecord[] = log.after(next);
      next += BigInt(records.length);
      if (records.length > 0) channel.send({ log: followed, records });
    };
    const tick = (): void => {
      if (!this.#watches.has(channel)) return;
      send();
      channel.send({
        log: followed,
        tick: this.#tickAt(next),
      });
      time.after(tickMs, tick);
    };
    this.#world.onAppend(() => time.after(1 + random.int(10), send));
    tick();
  }

  #tickAt(head: bigint): Tick {
    return { head, timeMs: this.#wallMs(), hash: this.#world.log.hashAt(head) };
  }

  #mustHave({ log: { id, incarnation }, position, hash }: Place): void {
    const { log } = this.#world;
    if (
      id !== log.identity.id ||
      incarnation !== log.identity.incarnation ||
      position > log.head ||
      Buffer.compare(hash, log.hashAt(position)) !== 0
    )
      throw new LogDiffers(`this log is ${log.identity.incarnation}`);
  }

  async #answer(): Promise<void> {
    const { time, random } = this.#world;
    await time.wait(1 + random.int(60));
    if (this.isAway) throw new Error("the control plane is away");
    if (!this.#world.isCalm && random.chance(0.15)) throw new Error("the call failed");
  }

  #project(): void {
    const { head } = this.#world.log;
    if (head <= this.#projected) return;
    this.#projectedBefore = this.#projected;
    this.#projected = head;
  }
}
