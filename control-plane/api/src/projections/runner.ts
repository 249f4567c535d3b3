// Keeps projections up to date with the log, each on its own: one that fails stops loudly, before the commit that it could
// not take, and says where and why; the others go on. Nothing is ever skipped. Only a failed connection is tried again. A
// stopped projection goes on from its checkpoint when a process with the fix starts, or after a rebuild.

import { TollgateError } from "@tollgate/kernel/errors";
import { isConnectionFailure, type Database } from "../database.ts";
import { isWriteConflict } from "../log/append.ts";
import type { Wake } from "../log/wake.ts";
import { advance, createTables, EventFailed } from "./advance.ts";
import { schemaOf, type Projection } from "./projection.ts";
import { rebuildProjection } from "./rebuild.ts";

export type ProjectionStatus = {
  name: string;
  version: number;
  position: bigint;
  /** It has stopped before this event's commit. */
  failed: { position: bigint; reason: string } | undefined;
};

export type Projections = {
  status(): readonly ProjectionStatus[];
  /** Resolves when the named projection, or each, holds everything up to `position`; else `read.behind`. */
  reached(position: bigint, timeoutMs: number, name?: string): Promise<void>;
  /** Builds it anew beside itself and swaps; a stopped one goes on. */
  rebuild(name: string): Promise<void>;
  close(): Promise<void>;
};

export type ProjectionOptions = {
  database: Database;
  wake: Wake;
  projections: readonly Projection[];
  /** Told once for each stop, with the reason. */
  onStopped?: (status: { name: string; position: string; reason: string }) => void;
};

export async function startProjections({
  database,
  wake,
  projections,
  onStopped = () => undefined,
}: ProjectionOptions): Promise<Projections> {
  const followers: Follower[] = [];
  for (const projection of projections) {
    await createTables(database, projection, schemaOf(projection));
    followers.push(new Follower(database, projection, onStopped));
  }
  const unsubscribe = wake.subscribe((head) => {
    for (const follower of followers) follower.wake(head);
  });
  const named = (name: string): Follower => {
    const found = followers.find((follower) => follower.projection.name === name);
    if (!found) throw new Error(`no projection is named ${name}`);
    return found;
  };
  for (const follower of followers) follower.resume();
  return {
    status: () => followers.map((follower) => follower.status()),
    async reached(position, timeoutMs, name) {
      const asked = name === undefined ? followers : [named(name)];
      await Promise.all(asked.map((follower) => follower.reached(position, timeoutMs)));
    },
    async rebuild(name) {
      const follower = named(name);
      await rebuildProjection(database, follower.projection);
      follower.resume();
    },
    async close() {
      unsubscribe();
      await Promise.all(followers.map((follower) => follower.close()));
    },
  };
}

const batchEvents = 500;

type Waiter = { position: bigint; resolve: () => void; reject: (error: Error) => void };

class Follower {
  readonly projection: Projection;
  readonly #database: Database;
  readonly #schema: string;
  readonly #onStopped: NonNullable<ProjectionOptions["onStopped"]>;
  readonly #waiters = new Set<Waiter>();
  #position = 0n;
  #failed: ProjectionStatus["failed"];
  #running: Promise<void> | undefined;
  #isWokenMeanwhile = false;
  #isClosed = false;

  constructor(database: Database, projection: Projection, onStopped: NonNullable<ProjectionOptions["onStopped"]>) {
    this.#database = database;
    this.#onStopped = onStopped;
    this.projection = projection;
    this.#schema = schemaOf(projection);
  }

  status(): ProjectionStatus {
    const { name, version } = this.projection;
    return { name, version, position: this.#position, failed: this.#failed };
  }

  wake(head: bigint): void {
    if (head > this.#position && this.#failed === undefined) this.#start();
  }

  /** Forgets a failure: the tables are others now. */
  resume(): void {
    this.#failed = undefined;
    this.#start();
  }

  #start(): void {
    if (this.#isClosed) return;
    this.#isWokenMeanwhile = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Woken between the last look and this turn.
      if (this.#isWokenMeanwhile && this.#failed === undefined) this.#start();
    });
  }

  async #run(): Promise<void> {
    let events = batchEvents;
    while (!this.#isClosed && this.#isWokenMeanwhile) {
      this.#isWokenMeanwhile = false;
      try {
        const advanced = await this.#database.transaction((sql) => advance(sql, this.projection, this.#schema, events));
        this.#moveTo(advanced.position);
        if (advanced.events > 0) this.#isWokenMeanwhile = true;
      } catch (error) {
        // The next poll that reaches the database wakes it again.
        if (isTransient(error)) return;
        if (events > 1) {
          // Again, commit by commit: all before the one that fails shall be in the tables.
          events = 1;
          this.#isWokenMeanwhile = true;
        } else {
          this.#fail(error);
        }
      }
    }
  }

  #moveTo(position: bigint): void {
    this.#position = position;
    for (const waiter of this.#waiters) if (waiter.position <= position) waiter.resolve();
  }

  #fail(error: unknown): void {
    const position = error instanceof EventFailed ? error.position : this.#position + 1n;
    this.#failed = { position, reason: error instanceof Error ? error.message : String(error) };
    this.#isWokenMeanwhile = false;
    this.#onStopped({ name: this.projection.name, position: position.toString(), reason: this.#failed.reason });
    for (const waiter of this.#waiters) waiter.reject(this.#behind());
  }

  #behind(): TollgateError {
    const { name } = this.projection;
    if (this.#failed) return new TollgateError("read.behind", `${name} has stopped at ${this.#failed.position}.`);
    return new TollgateError("read.behind", `${name} is at ${this.#position}.`);
  }

  async reached(position: bigint, timeoutMs: number): Promise<void> {
    if (this.#position >= position) return;
    if (this.#failed) throw this.#behind();
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter = {
        position,
        resolve: () => settle(resolve),
        reject: (error: Error) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => waiter.reject(this.#behind()), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const waiter of this.#waiters) waiter.reject(this.#behind());
  }
}

function isTransient(error: unknown): boolean {
  const cause = error instanceof EventFailed ? error.cause : error;
  return isConnectionFailure(cause) || isWriteConflict(cause);
}
