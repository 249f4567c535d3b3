// Keeps a proxy on the log: a snapshot, or what was kept, to begin with, then a source. It begins with the one that is quickest to attach (the
// last), and moves to the preferred one (the first) as soon as that is seen to be in step. When that falls behind, because it
// is silent or because what it tells is old, the other one is attached beside it and brings the log until ticks come in time
// again. Sources may repeat, leave holes and die; what is delivered is in order, whole commits, each position once (mender.ts).
// It never gives up: while nothing can be reached, what was delivered just gets older.

import { Mender, type MenderParts } from "./mender.ts";
import type { Attached, Place, Source, SourceListener, Tick } from "./source.ts";
import { TickTimes } from "./tick-times.ts";

export type FollowerParts = MenderParts & {
  /** The preferred one first. */
  sources: readonly Source[];
};

export type FollowerStatus = { source: Source["name"] | "none"; place: Place | undefined };

export type Follower = {
  status(): FollowerStatus;
  /** What the control plane said of itself besides: by it a source is known that brings the log late. */
  said(tick: Pick<Tick, "timeMs">): void;
  /** Takes a new snapshot, though the line is whole. */
  renew(): Promise<void>;
  stop(): Promise<void>;
};

/** A source that is silent for so long is left, unless another one is at hand sooner. */
const silentMsMax = 2_000;
/** A tick may be so old when it comes. Brokers that are near take some ten milliseconds; a mirror far away may take more. */
const lagMs = 400;
/** The preferred source may be behind for so long before another one is attached beside it, */
const besideMs = 500;
/** and may be silent for so long while that one brings the log; one that is late stays until it is in time. */
const returnMsMax = 5_000;
const checkMs = 100;
const preferAgainMs = 2_000;
const besideAgainMs = 250;
/** A source that is lost may take its time to notice; nobody waits for it. */
const detachMsMax = 500;
const pauseMsMin = 50;
const pauseMsMax = 1_000;

export function follow(parts: FollowerParts): Follower {
  const following = new Following(parts);
  const running = following.run();
  return {
    status: () => following.status(),
    said: (tick) => following.said(tick),
    renew: () => following.renew(),
    async stop() {
      following.stop();
      await running;
    },
  };
}

type Connection = {
  source: Source;
  attached: Attached | undefined;
  /** The last time it told something new of our log. */
  lastTickMs: number;
  /** What that tick said of the time, by the control plane's clock. */
  toldMs: bigint | undefined;
  /** It told, in time, of a head that we had: all that follows will come by it. */
  isInStep: boolean;
  lostBecause: string | undefined;
  isLeft: boolean;
};

/** A source coming up beside the current one. It belongs to one stay and ends with it. */
type Upgrade = {
  /** To be moved to. */
  better: Connection | undefined;
  isOver: boolean;
  isUnwanted: boolean;
  done: Promise<void>;
};

class Following {
  readonly #parts: FollowerParts;
  readonly #mender: Mender;
  readonly #stopping = new AbortController();
  #current: Connection | undefined;
  readonly #times = new TickTimes();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#mender = new Mender(parts, this.#stopping.signal);
  }

  status(): FollowerStatus {
    return { source: this.#current?.source.name ?? "none", place: this.#mender.line.place() };
  }

  said(tick: Pick<Tick, "timeMs">): void {
    this.#times.said(tick, this.#parts.clock.nowMs());
  }

  renew(): Promise<void> {
    return this.#mender.renew();
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
    await this.#mender.settled();
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #firstThatWorks(): Promise<Connection | undefined> {
    for (const source of this.#parts.sources.toReversed()) {
      if (this.#isStopping()) return undefined;
      // What only tells of the end is of no use to who does not know the beginning.
      if (source.beginsAt === "end" && this.#mender.line.place() === undefined) continue;
      const connection = await this.#connect(source);
      if (connection) return connection;
    }
    return undefined;
  }

  async #connect(source: Source): Promise<Connection | undefined> {
    const { clock, onProblem } = this.#parts;
    const connection: Connection = {
      ...{ source, attached: undefined, lastTickMs: clock.nowMs(), toldMs: undefined },
      ...{ isInStep: false, lostBecause: undefined, isLeft: false },
    };
    try {
      if (source.beginsAt === "position") await this.#mender.mend();
      connection.attached = await source.attach(this.#mender.line.place(), this.#listenerOf(connection));
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
        if (!connection.isLeft) this.#mender.takeRecords(log, records);
      },
      onTick: (log, tick) => {
        if (connection.isLeft) return;
        // Another log's ticks, a stale relay's say, are no sign of life, and neither are repeated ones.
        const heard = this.#mender.line.heard(log, tick);
        if (heard !== "other-log" && heard !== "differs" && this.#times.isNew(connection.source, tick)) {
          connection.lastTickMs = this.#parts.clock.nowMs();
          connection.toldMs = tick.timeMs;
          if (connection.source.beginsAt === "position") this.said(tick);
          if (heard === "has-all" && this.#lateMs(connection) === 0) connection.isInStep = true;
        }
        this.#mender.takeTick(log, tick);
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
    const fallback = sources.at(-1);
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
      if (!preferred || !fallback || preferred === fallback) continue;
      const isPreferred = preferred === current.source;
      if (upgrade?.better) {
        const left = current;
        current = upgrade.better;
        this.#current = current;
        // Who is left for the preferred one goes; the preferred one, fallen behind, stays and may come back.
        upgrade = isPreferred ? this.#awaitReturn(left) : undefined;
        if (!isPreferred) await this.#leave(left);
        else
          onProblem(
            `${left.source.name}: behind by ${Math.round(this.#behindMs(left))} ms; ${current.source.name} beside it`,
          );
      } else if (isPreferred && this.#behindMs(current) <= besideMs) {
        if (upgrade) await this.#giveUp(upgrade);
        upgrade = undefined;
        tryMs = clock.nowMs();
      } else if ((upgrade === undefined || upgrade.isOver) && clock.nowMs() >= tryMs) {
        tryMs = clock.nowMs() + (isPreferred ? besideAgainMs : preferAgainMs);
        upgrade = isPreferred ? this.#beside(fallback) : this.#upgrade(preferred);
      }
    }
    // What came up for this stay is of no use to the next, which may itself be on the preferred source.
    await Promise.all([this.#leave(current), upgrade && this.#giveUp(upgrade)]);
  }

  /** Since when nothing new came in time: because nothing came, or because what came was old by then. */
  #behindMs(connection: Connection): number {
    return Math.max(this.#parts.clock.nowMs() - connection.lastTickMs, this.#lateMs(connection));
  }

  #lateMs({ toldMs }: Connection): number {
    return toldMs === undefined ? 0 : Math.max(0, this.#times.ageMs(toldMs, this.#parts.clock.nowMs()) - lagMs);
  }

  /** Why a connection is of no more use. */
  #lossOf({ lostBecause, lastTickMs }: Connection): string | undefined {
    const silentMs = this.#parts.clock.nowMs() - lastTickMs;
    return lostBecause ?? (silentMs > silentMsMax ? `no tick for ${Math.round(silentMs)} ms` : undefined);
  }

  /** Beside the current source, which goes on meanwhile. */
  #upgrade(preferred: Source): Upgrade {
    return this.#comingUp(async (upgrade) => {
      const connection = await this.#connect(preferred);
      if (connection) await this.#inStep(connection, upgrade, silentMsMax);
    });
  }

  #beside(fallback: Source): Upgrade {
    return this.#comingUp(async (upgrade) => {
      const connection = await this.#connect(fallback);
      if (connection && !upgrade.isUnwanted && !this.#isStopping()) upgrade.better = connection;
      else await this.#leave(connection);
    });
  }

  #awaitReturn(connection: Connection): Upgrade {
    connection.isInStep = false;
    return this.#comingUp((upgrade) => this.#inStep(connection, upgrade, returnMsMax));
  }

  #comingUp(run: (upgrade: Upgrade) => Promise<void>): Upgrade {
    const upgrade: Upgrade = { better: undefined, isOver: false, isUnwanted: false, done: Promise.resolve() };
    upgrade.done = run(upgrade).finally(() => (upgrade.isOver = true));
    return upgrade;
  }

  async #inStep(connection: Connection, upgrade: Upgrade, waitMs: number): Promise<void> {
    const { clock } = this.#parts;
    const isWanted = () => !upgrade.isUnwanted && !this.#isStopping() && connection.lostBecause === undefined;
    while (!connection.isInStep && clock.nowMs() - connection.lastTickMs < waitMs && isWanted())
      await clock.wait(checkMs, this.#stopping.signal);
    if (connection.isInStep && isWanted()) upgrade.better = connection;
    else await this.#leave(connection);
  }

  /** What is still attaching is left as soon as it is there; only a stop waits for that, and not for long. */
  async #giveUp(upgrade: Upgrade): Promise<void> {
    upgrade.isUnwanted = true;
    await Promise.all([this.#leave(upgrade.better), this.#isStopping() && this.#atMost(upgrade.done)]);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
