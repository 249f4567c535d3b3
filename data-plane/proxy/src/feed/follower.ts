// Keeps a proxy on the log: a snapshot or what was kept to begin with, then a source. It begins with the one that is quickest to attach (the
// last), and moves to the preferred one (the first) as soon as that is seen to be in step; when that is lost it is back at
// once. Sources may repeat, leave holes and die; what is delivered is in order, whole commits, each position once. Every hole
// shows itself at the next record or tick and is filled from the log itself by a watch; when the control plane says that ours
// is another log, by a new snapshot. It never gives up: while nothing can be reached, what was delivered just gets older.

import type { Record as LogRecord, Tick } from "@tollgate/schema/sync";
import { Line } from "./line.ts";
import type { Attached, Log, Place, Source, SourceListener } from "./source.ts";

export type Snapshot = Place & { chunks: readonly Uint8Array[] };

export type FollowerParts = {
  /** The preferred one first. */
  sources: readonly Source[];
  snapshot: (atLeast: bigint, signal: AbortSignal) => Promise<Snapshot>;
  /** The log after a place, up to its end as it is then; throws `LogDiffers` for a place that it does not have. */
  read: (after: Place, listener: Pick<SourceListener, "onRecords" | "onTick">, signal: AbortSignal) => Promise<void>;
  /** What is known already, from before a restart. */
  start?: Place | undefined;
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
const checkMs = 100;
const preferAgainMs = 2_000;
const mendAgainMs = 250;
/** A source that is lost may take its time to notice; nobody waits for it. */
const detachMsMax = 500;
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
  attached: Attached | undefined;
  /** The last time it told something of our log. */
  lastTickMs: number;
  /** It told of a head that we had: all that follows will come by it. */
  isInStep: boolean;
  lostBecause: string | undefined;
  isLeft: boolean;
};

/** The preferred source coming up beside the current one. It belongs to one stay and ends with it. */
type Upgrade = {
  /** To be moved to. */
  better: Connection | undefined;
  isOver: boolean;
  isUnwanted: boolean;
  done: Promise<void>;
};

class Following {
  readonly #parts: FollowerParts;
  readonly #line = new Line();
  readonly #stopping = new AbortController();
  #current: Connection | undefined;
  #mending: Promise<void> | undefined;
  #mendNotBeforeMs = 0;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    if (parts.start) this.#line.restart(parts.start);
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
        await this.#stay(this.#current);
      }
      if (this.#isStopping()) break;
      if (this.#current) this.#current = undefined;
      else onProblem("no source can be reached");
      await clock.wait(pauseMs, this.#stopping.signal);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    }
    await this.#leave(this.#current);
    await this.#mending?.catch(() => undefined);
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #firstThatWorks(): Promise<Connection | undefined> {
    for (const source of this.#parts.sources.toReversed()) {
      if (this.#isStopping()) return undefined;
      // What only tells of the end is of no use to who does not know the beginning.
      if (source.beginsAt === "end" && this.#line.place() === undefined) continue;
      const connection = await this.#connect(source);
      if (connection) return connection;
    }
    return undefined;
  }

  async #connect(source: Source): Promise<Connection | undefined> {
    const { clock, onProblem } = this.#parts;
    const connection: Connection = {
      ...{ source, attached: undefined, lastTickMs: clock.nowMs(), isInStep: false, lostBecause: undefined },
      isLeft: false,
    };
    try {
      if (source.beginsAt === "position") await this.#mend();
      connection.attached = await source.attach(this.#line.place(), this.#listenerOf(connection));
      connection.lastTickMs = clock.nowMs();
      if (!this.#isStopping()) return connection;
    } catch (error) {
      if (!this.#isStopping()) onProblem(`${source.name}: ${reasonOf(error)}`);
    }
    await this.#leave(connection);
    return undefined;
  }

  #listenerOf(connection: Connection): SourceListener {
    return {
      onRecords: (log, records) => {
        if (!connection.isLeft) this.#takeRecords(log, records);
      },
      onTick: (log, tick) => {
        if (connection.isLeft) return;
        // Another log's ticks, a stale relay's say, are no sign of life.
        if (this.#line.follows(log)) connection.lastTickMs = this.#parts.clock.nowMs();
        if (this.#line.hasAll(log, tick.head)) connection.isInStep = true;
        this.#takeTick(log, tick);
      },
      onLost: (reason) => {
        connection.lostBecause ??= reason;
      },
    };
  }

  async #leave(connection: Connection | undefined): Promise<void> {
    if (!connection || connection.isLeft) return;
    connection.isLeft = true;
    await this.#atMost(connection.attached?.detach().catch((error) => this.#parts.onProblem(reasonOf(error))));
  }

  async #atMost(done: Promise<void> | undefined): Promise<void> {
    const enough = new AbortController();
    await Promise.race([done, this.#parts.clock.wait(detachMsMax, enough.signal)]);
    enough.abort();
  }

  /** Returns when the source is lost; moves to the preferred one as soon as that is in step. */
  async #stay(connection: Connection): Promise<void> {
    const { clock, sources, onProblem } = this.#parts;
    const [preferred] = sources;
    let current = connection;
    let upgrade: Upgrade | undefined;
    let tryMs = clock.nowMs();
    while (!this.#isStopping()) {
      await clock.wait(checkMs, this.#stopping.signal);
      const loss = this.#lossOf(current);
      if (loss !== undefined) {
        onProblem(`${current.source.name}: ${loss}`);
        break;
      }
      if (!preferred || preferred === current.source) continue;
      if (upgrade?.better) {
        const left = current;
        current = upgrade.better;
        this.#current = current;
        upgrade = undefined;
        await this.#leave(left);
      } else if ((upgrade === undefined || upgrade.isOver) && clock.nowMs() >= tryMs) {
        tryMs = clock.nowMs() + preferAgainMs;
        upgrade = this.#upgrade(preferred);
      }
    }
    // What came up for this stay is of no use to the next, which may itself be on the preferred source.
    await Promise.all([this.#leave(current), upgrade && this.#giveUp(upgrade)]);
  }

  /** Why a connection is of no more use. */
  #lossOf({ lostBecause, lastTickMs }: Connection): string | undefined {
    const silentMs = this.#parts.clock.nowMs() - lastTickMs;
    return lostBecause ?? (silentMs > silentMsMax ? `no tick for ${Math.round(silentMs)} ms` : undefined);
  }

  /** Beside the current source, which goes on meanwhile. */
  #upgrade(preferred: Source): Upgrade {
    const upgrade: Upgrade = { better: undefined, isOver: false, isUnwanted: false, done: Promise.resolve() };
    upgrade.done = this.#comeUp(preferred, upgrade).finally(() => (upgrade.isOver = true));
    return upgrade;
  }

  async #comeUp(preferred: Source, upgrade: Upgrade): Promise<void> {
    const { clock } = this.#parts;
    const connection = await this.#connect(preferred);
    if (!connection) return;
    const startMs = clock.nowMs();
    const isWanted = () => !upgrade.isUnwanted && !this.#isStopping();
    while (!connection.isInStep && clock.nowMs() - startMs < silentMsMax && isWanted())
      await clock.wait(checkMs, this.#stopping.signal);
    if (connection.isInStep && connection.lostBecause === undefined && isWanted()) upgrade.better = connection;
    else await this.#leave(connection);
  }

  /** What is still attaching is left as soon as it is there; only a stop waits for that, and not for long. */
  async #giveUp(upgrade: Upgrade): Promise<void> {
    upgrade.isUnwanted = true;
    await Promise.all([this.#leave(upgrade.better), this.#isStopping() && this.#atMost(upgrade.done)]);
  }

  #takeRecords(log: Log, records: readonly LogRecord[]): void {
    if (this.#isStopping()) return;
    const taken = this.#line.take(log, records);
    if (taken.kind !== "taken") this.#needMending();
    else if (taken.commits.length > 0) this.#parts.onCommits(log, taken.commits);
  }

  #takeTick(log: Log, tick: Pick<Tick, "head" | "timeMs">): void {
    if (this.#isStopping()) return;
    if (this.#line.hasAll(log, tick.head)) this.#parts.onTick(tick);
    else this.#needMending();
  }

  /** Asked for by every record beyond a hole, so it is not tried as often as it is asked for. */
  #needMending(): void {
    const { clock, onProblem } = this.#parts;
    if (this.#mending || clock.nowMs() < this.#mendNotBeforeMs) return;
    void this.#mend().catch((error: unknown) => {
      this.#mendNotBeforeMs = clock.nowMs() + mendAgainMs;
      if (!this.#isStopping()) onProblem(`a hole could not be filled: ${reasonOf(error)}`);
    });
  }

  /** Up to the end of the log as it is now. One at a time. */
  #mend(): Promise<void> {
    this.#mending ??= this.#mendOnce().finally(() => (this.#mending = undefined));
    return this.#mending;
  }

  async #mendOnce(): Promise<void> {
    const place = this.#line.place();
    if (!place) return this.#readFrom(await this.#takeSnapshot());
    try {
      await this.#readFrom(place);
    } catch (error) {
      // Only the control plane can say that ours is another log: a record that does not fit may be a stale relay's.
      if (!(error instanceof LogDiffers)) throw error;
      await this.#readFrom(await this.#takeSnapshot());
    }
  }

  async #takeSnapshot(): Promise<Place> {
    const taken = await this.#parts.snapshot(0n, this.#stopping.signal);
    const place = { log: taken.log, position: taken.position };
    this.#line.restart(place);
    this.#parts.onSnapshot(taken);
    return place;
  }

  #readFrom(place: Place): Promise<void> {
    const listener = {
      onRecords: (log: Log, records: readonly LogRecord[]) => this.#takeRecords(log, records),
      onTick: (log: Log, tick: Pick<Tick, "head" | "timeMs">) => this.#takeTick(log, tick),
    };
    return this.#parts.read(place, listener, this.#stopping.signal);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
