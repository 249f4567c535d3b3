// What lies between one sender and one listener. Messages arrive late but in order. A channel may die with a word or hang
// without one; one from a broker may also lose messages, repeat the last ones, as after a rebalance, and swap two.

import type { World } from "./world.ts";

export type Hearer<M> = { onMessage(message: M): void; onLost(reason: string): void };

export type Channel<M> = { send(message: M): void; lose(reason: string): void; close(): void };

const keptForRepeats = 6;

export function openChannel<M>(world: World, hearer: Hearer<M>, { isBroker }: { isBroker: boolean }): Channel<M> {
  const { random, time } = world;
  let state: "open" | "hanging" | "closed" = "open";
  let lastMs = time.nowMs();
  let sent: M[] = [];
  let held: M | undefined;

  function deliver(message: M): void {
    // In order: never before what was sent before it.
    lastMs = Math.max(lastMs, time.nowMs() + (random.chance(0.05) ? random.int(400) : random.int(8)));
    time.after(lastMs - time.nowMs(), () => {
      if (state === "open") hearer.onMessage(message);
    });
  }

  function lose(reason: string): void {
    if (state === "closed") return;
    state = "closed";
    hearer.onLost(reason);
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
      if (isBroker && held === undefined && random.chance(0.03)) {
        held = message;
        return;
      }
      deliver(message);
      if (held !== undefined) deliver(held);
      held = undefined;
      if (isBroker) sent = [...sent.slice(1 - keptForRepeats), message];
    },
  };
}
