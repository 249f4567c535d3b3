// What lies between one sender and one listener. Messages arrive late but in order. A channel may die with a word or hang
// without one; one from a broker may also lose messages and repeat the last ones, as after a rebalance.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import type { Log, SourceListener, Tick } from "@tollgate/proxy/feed/source";
import type { World } from "./world.ts";

export type Message = { log: Log } & ({ records: readonly LogRecord[] } | { tick: Tick });

export type Channel = { send(message: Message): void; lose(reason: string): void; close(): void };

const keptForRepeats = 6;

export function openChannel(world: World, listener: SourceListener, { isBroker }: { isBroker: boolean }): Channel {
  const { random, time } = world;
  let state: "open" | "hanging" | "closed" = "open";
  let lastMs = time.nowMs();
  let sent: Message[] = [];

  function deliver(message: Message): void {
    // In order: never before what was sent before it.
    lastMs = Math.max(lastMs, time.nowMs() + (random.chance(0.05) ? random.int(400) : random.int(8)));
    time.after(lastMs - time.nowMs(), () => {
      if (state !== "open") return;
      if ("tick" in message) listener.onTick(message.log, message.tick);
      else listener.onRecords(message.log, message.records);
    });
  }

  function lose(reason: string): void {
    if (state === "closed") return;
    state = "closed";
    listener.onLost(reason);
  }

  if (random.chance(0.6))
    time.after(200 + random.int(8_000), () => {
      if (world.isCalm || state !== "open") return;
      if (random.chance(0.5)) state = "hanging";
      else lose("cut off");
    });

  return {
    lose,
    close: () => (state = "closed"),
    send(message) {
      if (state !== "open") return;
      if (isBroker && !world.isCalm && random.chance(0.05)) return;
      if (isBroker && random.chance(0.03)) for (const again of sent.slice(-random.int(keptForRepeats))) deliver(again);
      deliver(message);
      if (isBroker) sent = [...sent.slice(1 - keptForRepeats), message];
    },
  };
}
