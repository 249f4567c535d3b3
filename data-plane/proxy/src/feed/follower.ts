// Keeps a proxy on the log: a snapshot, or what was kept, to begin with, then a source. It begins with the one that is quickest to attach (the
// last), and moves to the preferred one (the first) as soon as that is seen to be in step. When that has no new tick for half
// a second, the other one is attached beside it and brings the log until the ticks return. Sources may repeat, leave holes and
// die; what is delivered is in order, whole commits, each position once (mender.ts). It never gives up: while nothing can be
// reached, what was delivered just gets older.

import { limits } from "@tollgate/kernel/limits";
import { Mender, type MenderParts } from "./mender.ts";
import type { Attached, Place, Source, SourceListener, Tick } from "./source.ts";

export type FollowerParts = MenderParts & {
  /** The preferred one first. */
  sources: readonly Source[];
};

export type FollowerStatus = { source: Source["name"] | "none"; place: Place | undefined };

export type Follower = {
  status(): FollowerStatus;
  /** Takes a new snapshot, though the line is whole. */
  renew(): Promise<void>;
  stop(): Promise<void>;
};

/** A source that is silent for so long is left, unless another one is at hand sooner. */
const silentMsMax = 2_000;
/** The preferred source may be silent for so long before another one is attached beside it, */
const besideMs = 500;
/** and is given so long to come back while that one brings the log. */
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
  /** It told of a head that we had: all that follows will come by it. */
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
  /** The newest time that ticks told, by source; whoever writes to a topic may repeat old ones. */
  readonly #newestMs = new Map<Source["name"], bigint>();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#mender = new Mender(parts, this.#stopping.signal);
  }

  status(): FollowerStatus {
    return { source: this.#current?.source.name ?? "none", place: this.#mender.line.place() };
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
      ...{ source, attached: undefined, lastTickMs: clock.nowMs(), isInStep: false, lostBecause: undefined },
      isLeft: false,
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
        if (heard !== "other-log" && heard !== "differs" && this.#isNew(connection.source, tick)) {
          connection.lastTickMs = this.#parts.clock.nowMs();
          if (heard === "has-all") connection.isInStep = true;
        }
        this.#mender.takeTick(log, tick);
      },
      onLost: (reason) => {
        connection.lostBecause ??= reason;
      },
    };
  }

  /** On a stream of our own nobody repeats anything, and its control planes may have clocks that differ. */
  #isNew({ name, beginsAt }: Source, { timeMs }: Tick): boolean {
    const newest = [...this.#newestMs.values()].reduce((most, one) => (one > most ? one : most), 0n);
    const known = this.#newestMs.get(name) ?? 0n;
    if (timeMs > known) this.#newestMs.set(name, timeMs);
    return beginsAt === "position" || (timeMs > known && timeMs > newest - BigInt(limits.clockSkewMs));
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
        // Who is left for the preferred one goes; the preferred one, fallen silent, stays and may come back.
        upgrade = isPreferred ? this.#awaitReturn(left) : undefined;
        if (!isPreferred) await this.#leave(left);
        else onProblem(`${left.source.name}: no new tick for ${besideMs} ms; ${current.source.name} beside it`);
      } else if (isPreferred && !this.#isSilent(current)) {
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

  #isSilent({ lastTickMs }: Connection): boolean {
    return this.#parts.clock.nowMs() - lastTickMs > besideMs;
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
    const startMs = clock.nowMs();
    const isWanted = () => !upgrade.isUnwanted && !this.#isStopping() && connection.lostBecause === undefined;
    while (!connection.isInStep && clock.nowMs() - startMs < waitMs && isWanted())
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
