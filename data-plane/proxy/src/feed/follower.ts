// Keeps a proxy on the log: a snapshot to begin with, then a source, preferably the first of those given. Sources may
// repeat, leave holes and die; what is delivered is in order, whole commits, each position once. Every hole shows itself at
// the next record or tick, and is filled from the log itself by a watch; when even that is not possible (another log), it
// takes a new snapshot. It never gives up: while nothing can be reached, what was delivered last simply gets older.

import type { Record as LogRecord, Tick } from "@tollgate/schema/sync";
import { Line } from "./line.ts";
import type { Attached, Log, Place, Source, SourceListener } from "./source.ts";

export type Snapshot = Place & { chunks: readonly Uint8Array[] };

export type FollowerParts = {
  /** The preferred one first. */
  sources: readonly Source[];
  snapshot: (atLeast: bigint) => Promise<Snapshot>;
  /** The log after a place, up to its end as it is then; throws `LogDiffers` for a place that it does not have. */
  read: (after: Place, listener: Pick<SourceListener, "onRecords" | "onTick">) => Promise<void>;
  onSnapshot: (snapshot: Snapshot) => void;
  onCommits: (log: Log, records: readonly LogRecord[]) => void;
  /** Everything up to the tick's head has been delivered. */
  onTick: (tick: Pick<Tick, "head" | "timeMs">) => void;
  onProblem: (problem: string) => void;
  clock: Clock;
};

/** Monotonic time, so that a simulation can bring its own. */
export type Clock = { nowMs(): number; wait(ms: number, signal?: AbortSignal): Promise<void> };

export class LogDiffers extends Error {}

export type FollowerStatus = { source: Source["name"] | "none"; place: Place | undefined };

export type Follower = { status(): FollowerStatus; stop(): Promise<void> };

const silentMsMax = 2_000;
const checkMs = 250;
const preferAgainMs = 5_000;
const pauseMsMin = 50;
const pauseMsMax = 1_000;

export function follow(parts: FollowerParts): Follower {
  const following = new Following(parts);
  const running = following.run();
  return {
    status: () => following.status(),
    async stop() {
      following.stop();
      await running;
    },
  };
}

type Connection = {
  source: Source;
  attached: Attached;
  lastTickMs: number;
  hasTicked: boolean;
  lostBecause: string | undefined;
};

class Following {
  readonly #parts: FollowerParts;
  readonly #line = new Line();
  readonly #stopping = new AbortController();
  #current: Connection | undefined;
  #mending: Promise<void> | undefined;
  #needsSnapshot = true;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  status(): FollowerStatus {
    return { source: this.#current?.source.name ?? "none", place: this.#line.place() };
  }

  stop(): void {
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    const { clock, onProblem } = this.#parts;
    let pauseMs = pauseMsMin;
    while (!this.#isStopping()) {
      this.#current = await this.#firstThatWorks();
      if (this.#current) {
        pauseMs = pauseMsMin;
        await this.#stay();
      }
      if (this.#isStopping()) break;
      onProblem(this.#current ? "the source was lost" : "no source can be reached");
      await clock.wait(pauseMs, this.#stopping.signal);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    }
    await this.#leave(this.#current);
    await this.#mending;
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #firstThatWorks(): Promise<Connection | undefined> {
    for (const source of this.#parts.sources) {
      if (this.#isStopping()) return undefined;
      const connection = await this.#connect(source);
      if (connection) return connection;
    }
    return undefined;
  }

  async #connect(source: Source): Promise<Connection | undefined> {
    const { clock, onProblem } = this.#parts;
    let connection: Connection | undefined;
    let lostBecause: string | undefined;
    const listener: SourceListener = {
      onRecords: (log, records) => this.#takeRecords(log, records),
      onTick: (log, tick) => {
        if (connection) Object.assign(connection, { lastTickMs: clock.nowMs(), hasTicked: true });
        this.#takeTick(log, tick);
      },
      onLost: (reason) => {
        lostBecause = reason;
        if (connection) connection.lostBecause = reason;
      },
    };
    try {
      if (source.beginsAt === "position") await this.#mend();
      const attached = await source.attach(this.#line.place(), listener);
      connection = { source, attached, lastTickMs: clock.nowMs(), hasTicked: false, lostBecause };
      if (source.beginsAt === "end" && this.#needsSnapshot) await this.#mend();
      return connection;
    } catch (error) {
      onProblem(`${source.name}: ${error instanceof Error ? error.message : String(error)}`);
      await this.#leave(connection);
      return undefined;
    }
  }

  async #leave(connection: Connection | undefined): Promise<void> {
    await connection?.attached.detach().catch((error: unknown) => this.#parts.onProblem(String(error)));
  }

  /** Returns when the current source is lost; moves back to a preferred one as soon as that ticks again. */
  async #stay(): Promise<void> {
    const { clock, sources, onProblem } = this.#parts;
    let triedMs = clock.nowMs();
    while (!this.#isStopping() && this.#current) {
      const current = this.#current;
      await clock.wait(checkMs, this.#stopping.signal);
      const silentMs = clock.nowMs() - current.lastTickMs;
      if (current.lostBecause !== undefined || silentMs > silentMsMax) {
        onProblem(`${current.source.name}: ${current.lostBecause ?? `no tick for ${Math.round(silentMs)} ms`}`);
        await this.#leave(current);
        return;
      }
      const preferred = sources[0];
      if (!preferred || preferred === current.source || clock.nowMs() - triedMs < preferAgainMs) continue;
      const better = await this.#connect(preferred);
      if (better && (await this.#ticks(better))) {
        this.#current = better;
        await this.#leave(current);
      } else {
        await this.#leave(better);
      }
      triedMs = clock.nowMs();
    }
  }

  async #ticks(connection: Connection): Promise<boolean> {
    const { clock } = this.#parts;
    const startMs = clock.nowMs();
    while (!connection.hasTicked && clock.nowMs() - startMs < silentMsMax && !this.#isStopping())
      await clock.wait(checkMs, this.#stopping.signal);
    return connection.hasTicked && connection.lostBecause === undefined;
  }

  #takeRecords(log: Log, records: readonly LogRecord[]): void {
    if (this.#isStopping()) return;
    const taken = this.#line.take(log, records);
    if (taken.kind === "taken") {
      if (taken.commits.length > 0) this.#parts.onCommits(log, taken.commits);
    } else {
      this.#needMending(taken.kind === "other-log");
    }
  }

  #takeTick(log: Log, tick: Pick<Tick, "head" | "timeMs">): void {
    if (this.#isStopping()) return;
    if (this.#line.hasAll(log, tick.head)) this.#parts.onTick(tick);
    else this.#needMending(!this.#line.follows(log));
  }

  #needMending(needsSnapshot: boolean): void {
    // A log that we never saw may be the old one's restored successor, or a stale relay's: only the control plane can say.
    if (needsSnapshot) this.#needsSnapshot = true;
    void this.#mend().catch((error: unknown) => this.#parts.onProblem(String(error)));
  }

  /** Up to the end of the log: a snapshot where one is needed, then what follows it. One at a time. */
  #mend(): Promise<void> {
    this.#mending ??= this.#mendOnce().finally(() => (this.#mending = undefined));
    return this.#mending;
  }

  async #mendOnce(): Promise<void> {
    const { snapshot, read, onSnapshot } = this.#parts;
    if (this.#needsSnapshot) {
      const taken = await snapshot(0n);
      if (this.#isStopping()) return;
      // A stale relay's word made us ask; the control plane says that we are where we should be.
      const place = this.#line.place();
      if (!place || !this.#line.follows(taken.log) || taken.position > place.position) {
        this.#line.restart({ log: taken.log, position: taken.position });
        onSnapshot(taken);
      }
      this.#needsSnapshot = false;
    }
    const place = this.#line.place();
    if (!place) return;
    try {
      await read(place, {
        onRecords: (log, records) => this.#takeRecords(log, records),
        onTick: (log, tick) => this.#takeTick(log, tick),
      });
    } catch (error) {
      if (!(error instanceof LogDiffers)) throw error;
      this.#needsSnapshot = true;
      throw error;
    }
  }
}
