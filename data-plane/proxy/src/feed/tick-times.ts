// What the times of ticks say of who brings them: whether one is new, and how old it is. Two machines' clocks cannot be
// compared, but two times of the control plane can: the one that it says itself, by a watch or in answer to a report, and the
// one in a tick that came by way of brokers. A mirror that is seconds behind ticks as steadily as the original, and is told
// from it by nothing else. Control planes whose clocks differ are taken for a lag, or hide one, of as much.

import { limits } from "@tollgate/kernel/limits";
import type { Source, Tick } from "./source.ts";

/** Older word says nothing: whoever leads meanwhile may have another clock. */
const saidMsMax = 5_000;

export class TickTimes {
  /** By source; whoever writes to a topic may repeat old ones. */
  readonly #newestMs = new Map<Source["name"], bigint>();
  #said: { timeMs: bigint; atMs: number } | undefined;

  /** On a stream of our own nobody repeats anything, and its control planes may have clocks that differ. */
  isNew({ name, beginsAt }: Source, { timeMs }: Pick<Tick, "timeMs">): boolean {
    const newest = [...this.#newestMs.values()].reduce((most, one) => (one > most ? one : most), 0n);
    const known = this.#newestMs.get(name) ?? 0n;
    if (timeMs > known) this.#newestMs.set(name, timeMs);
    return beginsAt === "position" || (timeMs > known && timeMs > newest - BigInt(limits.clockSkewMs));
  }

  /** The control plane's time by its own word, and when that came. */
  said({ timeMs }: Pick<Tick, "timeMs">, atMs: number): void {
    this.#said = { timeMs, atMs };
  }

  /** How long ago, at least, the control plane's clock showed a time; zero where its word is not known. */
  ageMs(timeMs: bigint, nowMs: number): number {
    if (!this.#said || nowMs - this.#said.atMs > saidMsMax) return 0;
    return Math.max(0, Number(this.#said.timeMs - timeMs) + nowMs - this.#said.atMs);
  }
}
