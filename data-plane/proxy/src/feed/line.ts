// Where a proxy is on the log, and what each arriving record means for it: known already, next, or beyond a hole. It hands
// out whole commits only, in order, each position once, whatever its sources repeat or leave out. It is a plain state
// without time or sockets; what to do about a hole is the follower's business.

import type { Record as LogRecord } from "@tollgate/schema/sync";
import type { Log, Place } from "./source.ts";

export type Taken =
  | { kind: "taken"; commits: readonly LogRecord[] }
  /** Something between what is known and what came is missing. */
  | { kind: "hole" }
  /** It is about a log that this line does not follow. */
  | { kind: "other-log" };

export class Line {
  #place: Place | undefined;
  /** The beginning of a commit whose end has not come yet. */
  #open: LogRecord[] = [];

  /** The end of the last whole commit. */
  place(): Place | undefined {
    return this.#place;
  }

  restart(place: Place): void {
    this.#place = place;
    this.#open = [];
  }

  take(log: Log, records: readonly LogRecord[]): Taken {
    if (!this.#place || !isSame(log, this.#place.log)) return { kind: "other-log" };
    const commits: LogRecord[] = [];
    let known = this.#place.position + BigInt(this.#open.length);
    let hasHole = false;
    for (const record of records) {
      if (record.position <= known) continue;
      hasHole = record.position !== known + 1n;
      if (hasHole) break;
      known = record.position;
      this.#open.push(record);
      if (record.commit !== record.position) continue;
      commits.push(...this.#open);
      this.#open = [];
      this.#place = { log: this.#place.log, position: record.position };
    }
    // What came before the hole is good; the rest comes again.
    if (hasHole && commits.length === 0) return { kind: "hole" };
    return { kind: "taken", commits };
  }

  /** Whether the log is known up to its head. */
  hasAll(log: Log, head: bigint): boolean {
    return this.#place !== undefined && isSame(log, this.#place.log) && head <= this.#place.position;
  }

  follows(log: Log): boolean {
    return this.#place !== undefined && isSame(log, this.#place.log);
  }
}

function isSame(a: Log, b: Log): boolean {
  return a.id === b.id && a.incarnation === b.incarnation;
}
