// Where a proxy is on the log, and what each arriving record means for it: known already, next, beyond a hole, or not of
// this log at all. It hands out whole commits only, in order, each position once, and each only if it continues by its hash
// what is known, whatever its sources repeat, leave out or make up. It is a plain state without time or sockets; what to do
// about a hole is the follower's business.

import type { Record as LogRecord, Tick } from "@tollgate/schema/sync";
import type { Log, Place } from "./source.ts";

export type Taken =
  | { kind: "taken"; commits: readonly LogRecord[] }
  /** Something between what is known and what came is missing. */
  | { kind: "hole" }
  /** It calls itself our log and does not continue what is known of it. */
  | { kind: "differs" }
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

  /** Why a snapshot at a place must not be taken: it would bring back what was revoked since. */
  problemOf({ log, position }: Place): string | undefined {
    const known = this.#place;
    if (known?.log.id !== log.id || log.incarnation > known.log.incarnation) return undefined;
    if (log.incarnation < known.log.incarnation)
      return `it is of incarnation ${log.incarnation}, and ${known.log.incarnation} is known`;
    return position < known.position ? `it is at ${position}, and ${known.position} is applied` : undefined;
  }

  take(log: Log, records: readonly LogRecord[]): Taken {
    if (!this.#place || !isSame(log, this.#place.log)) return { kind: "other-log" };
    const commits: LogRecord[] = [];
    for (const record of records) {
      const problem = this.#add(this.#place, record, commits);
      if (problem === undefined) continue;
      // What was begun may be of the other log, too.
      if (problem === "differs") this.#open = [];
      // What came before is good; the rest comes again.
      if (commits.length === 0) return { kind: problem };
      break;
    }
    return { kind: "taken", commits };
  }

  #add(place: Place, record: LogRecord, commits: LogRecord[]): "hole" | "differs" | undefined {
    const newest = this.#open.at(-1) ?? this.#place ?? place;
    if (record.position < newest.position) return undefined;
    if (record.position === newest.position) return isEqual(record.hash, newest.hash) ? undefined : "differs";
    if (record.position !== newest.position + 1n) return "hole";
    if (!isEqual(record.previous, newest.hash)) return "differs";
    this.#open.push(record);
    if (record.commit !== record.position) return undefined;
    for (const one of this.#open) commits.push(one);
    this.#open = [];
    this.#place = { log: place.log, position: record.position, hash: record.hash };
    return undefined;
  }

  /** What a tick says of this line: that all is known, that something is missing, or that it is of another log. */
  heard(log: Log, { head, hash }: Pick<Tick, "head" | "hash">): "has-all" | Exclude<Taken["kind"], "taken"> {
    if (!this.#place || !isSame(log, this.#place.log)) return "other-log";
    if (head > this.#place.position) return "hole";
    return head === this.#place.position && !isEqual(hash, this.#place.hash) ? "differs" : "has-all";
  }

  /** Whether what is said of this log is the past: a relay that has not heard of the newer incarnation. */
  isPast({ id, incarnation }: Log): boolean {
    return this.#place?.log.id === id && incarnation < this.#place.log.incarnation;
  }
}

function isSame(a: Log, b: Log): boolean {
  return a.id === b.id && a.incarnation === b.incarnation;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
