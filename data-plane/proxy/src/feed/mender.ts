// Keeps the line whole: takes what sources bring, hands on what continues it, and fills every hole from the log itself. A
// read goes on where the line ends; when the control plane says that ours is another log, a new snapshot takes its place. A
// snapshot of the past is refused, whoever gives it: nothing that was revoked comes back. One repair at a time, each given
// up when nothing comes, so that a control plane that hangs does not keep the next one from being asked.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import { Line, type Taken } from "./line.ts";
import type { Log, Place, SourceListener, Tick } from "./source.ts";

export type Snapshot = Place & { chunks: readonly Uint8Array[] };

/** Monotonic time, so that a simulation can bring its own. */
export type Clock = { nowMs(): number; wait(ms: number, signal?: AbortSignal): Promise<void> };

export class LogDiffers extends Error {}

export type MenderParts = {
  /** Where a former boot left off, so that nothing older than it is taken. */
  begin?: Place | undefined;
  snapshot: (atLeast: bigint, signal: AbortSignal) => Promise<Snapshot>;
  /** The log after a place, up to its end as it is then; throws `LogDiffers` for a place that it does not have. */
  read: (after: Place, listener: Pick<SourceListener, "onRecords" | "onTick">, signal: AbortSignal) => Promise<void>;
  onSnapshot: (snapshot: Snapshot) => void;
  onCommits: (log: Log, records: readonly LogRecord[]) => void;
  /** Everything up to the tick's head has been delivered. */
  onTick: (log: Log, tick: Tick) => void;
  onProblem: (problem: string) => void;
  clock: Clock;
};

const mendAgainMs = 250;
const readSilentMsMax = 3_000;
const checkMs = 500;

export class Mender {
  readonly line = new Line();
  readonly #parts: MenderParts;
  readonly #stopping: AbortSignal;
  #mending: Promise<void> | undefined;
  #notBeforeMs = 0;
  #needsSnapshot = false;

  constructor(parts: MenderParts, stopping: AbortSignal) {
    this.#parts = parts;
    this.#stopping = stopping;
    if (parts.begin) this.line.restart(parts.begin);
  }

  takeRecords(log: Log, records: readonly LogRecord[]): Taken["kind"] {
    if (this.#stopping.aborted) return "taken";
    const taken = this.line.take(log, records);
    if (taken.kind !== "taken") this.#need(log);
    else if (taken.commits.length > 0) this.#parts.onCommits(log, taken.commits);
    return taken.kind;
  }

  takeTick(log: Log, tick: Tick): ReturnType<Line["heard"]> {
    const heard = this.line.heard(log, tick);
    if (this.#stopping.aborted) return heard;
    if (heard === "has-all") this.#parts.onTick(log, tick);
    else this.#need(log);
    return heard;
  }

  /** Up to the end of the log as it is now. One at a time. */
  mend(): Promise<void> {
    this.#mending ??= this.#mendOnce().finally(() => (this.#mending = undefined));
    return this.#mending;
  }

  /** The state anew, though the line is whole: what was made of it is not what it should be. */
  async renew(): Promise<void> {
    await this.#mending?.catch(() => undefined);
    this.#needsSnapshot = true;
    await this.mend();
  }

  async settled(): Promise<void> {
    await this.#mending?.catch(() => undefined);
  }

  /** Asked for by every record beyond a hole, so it is not tried as often as it is asked for. */
  #need(log: Log): void {
    const { clock, onProblem } = this.#parts;
    if (this.#mending || clock.nowMs() < this.#notBeforeMs || this.line.isPast(log)) return;
    const place = this.line.place();
    void this.mend().then(
      () => {
        // What was not of this log after all may go on coming.
        if (this.line.place() === place) this.#notBeforeMs = clock.nowMs() + mendAgainMs;
      },
      (error: unknown) => {
        this.#notBeforeMs = clock.nowMs() + mendAgainMs;
        if (!this.#stopping.aborted) onProblem(`a hole could not be filled: ${reasonOf(error)}`);
      },
    );
  }

  async #mendOnce(): Promise<void> {
    const place = this.line.place();
    if (!place) return this.#readFrom(await this.#takeSnapshot(0n));
    if (this.#needsSnapshot) return this.#readFrom(await this.#takeSnapshot(place.position));
    try {
      await this.#readFrom(place);
    } catch (error) {
      // Only the control plane can say that ours is another log: a record that does not fit may be a stale relay's.
      if (!(error instanceof LogDiffers)) throw error;
      await this.#readFrom(await this.#takeSnapshot(0n));
    }
  }

  async #takeSnapshot(atLeast: bigint): Promise<Place> {
    const taken = await this.#parts.snapshot(atLeast, this.#stopping);
    const problem = this.line.problemOf(taken);
    if (problem !== undefined) throw new Error(`a snapshot of the past was refused: ${problem}`);
    const { log, position, hash } = taken;
    const place = { log, position, hash };
    this.line.restart(place);
    this.#needsSnapshot = false;
    this.#parts.onSnapshot(taken);
    return place;
  }

  async #readFrom(place: Place): Promise<void> {
    const { clock, read } = this.#parts;
    const over = new AbortController();
    const end = (): void => over.abort();
    let heardMs = clock.nowMs();
    const listener = {
      onRecords: (log: Log, records: readonly LogRecord[]) => {
        heardMs = clock.nowMs();
        if (over.signal.aborted) return;
        if (this.takeRecords(log, records) === "differs")
          throw new LogDiffers("what the control plane sent does not continue what is known");
      },
      onTick: (log: Log, tick: Tick) => {
        heardMs = clock.nowMs();
        if (over.signal.aborted) return;
        // Only a control plane from before them says no hash. Its successor's ticks would differ until the next record.
        if (this.takeTick(log, tick) === "differs" && place.hash.length === 0)
          throw new LogDiffers("no hash of it was said before");
      },
    };
    const silence = async (): Promise<never> => {
      while (clock.nowMs() - heardMs < readSilentMsMax && !over.signal.aborted) await clock.wait(checkMs, over.signal);
      over.abort();
      throw new Error(`the control plane sent nothing for ${readSilentMsMax} ms`);
    };
    this.#stopping.addEventListener("abort", end);
    const reading = read(place, listener, over.signal);
    try {
      await Promise.race([reading, silence()]);
    } finally {
      this.#stopping.removeEventListener("abort", end);
      end();
      reading.catch(() => undefined);
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
