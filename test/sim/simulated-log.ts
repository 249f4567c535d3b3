// The event log in memory, with the fold of the real kernel at the end of each commit: what a replica must look like at any
// position where it may be seen. It can be restored from a backup, which gives it a new incarnation and another future.

import { createHash } from "node:crypto";
import { create, toBinary, type Message } from "@bufbuild/protobuf";
import { encodeEvent, typeNamed } from "@tollgate/kernel/catalogue";
import { apply, changeOf, digest, empty, type Replica } from "@tollgate/kernel/replica";
import {
  AdminTokenIssuedSchema,
  KeyChangedSchema,
  KeyIssuedSchema,
  KeyRevokedSchema,
  ServerRegisteredSchema,
  ServerRetiredSchema,
  TeamCreatedSchema,
  TeamRetiredSchema,
} from "@tollgate/schema/events";
import { RecordSchema, SnapshotChunkSchema, type Record as LogRecord, type Resource } from "@tollgate/schema/sync";
import type { Log } from "@tollgate/proxy/feed/source";
import type { SeededRandom } from "../support/random.ts";

export class SimulatedLog {
  identity: Log = { id: "01234567-89ab-cdef-0123-456789abcdef", incarnation: 1 };
  readonly records: LogRecord[] = [];
  /** When each of them was appended, and when the log became what it is. */
  readonly #appendedMs: number[] = [];
  #restoredMs = 0;
  /** The fold at the end of each commit, by position, of every incarnation. */
  readonly #folds = new Map<string, Replica>();
  #fold = empty();
  readonly #random: SeededRandom;
  readonly #nowMs: () => number;

  constructor(random: SeededRandom, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
    this.#keepFold();
  }

  get head(): bigint {
    return BigInt(this.records.length);
  }

  /** Empty where there is no such position. */
  hashAt(position: bigint): Uint8Array {
    if (position === 0n) return new Uint8Array(32);
    return this.records[Number(position) - 1]?.hash ?? new Uint8Array();
  }

  after(position: bigint): LogRecord[] {
    return this.records.slice(Number(position));
  }

  /** One transaction of one to five events. */
  append(): void {
    const events = Array.from({ length: 1 + this.#random.int(5) }, () => eventOf(this.#random));
    const commit = this.head + BigInt(events.length);
    let previous = this.hashAt(this.head);
    const written = events.map((event, index) => {
      const record = recordOf(event, this.head + 1n + BigInt(index), commit);
      record.previous = previous;
      previous = createHash("sha256").update(previous).update(toBinary(RecordSchema, record)).digest();
      record.hash = previous;
      return record;
    });
    this.records.push(...written);
    for (const _ of written) this.#appendedMs.push(this.#nowMs());
    this.#fold = apply(this.#fold, written);
    this.#keepFold();
  }

  /** As from a backup that was taken at the end of some commit. */
  restore(): void {
    const ends = this.records.filter(({ position, commit }) => position === commit).map(({ position }) => position);
    const position = ends.length === 0 ? 0n : this.#random.pick(ends);
    const fold = this.foldAt(this.identity, position);
    if (!fold) throw new Error(`no commit ends at ${position}`);
    const former = this.identity;
    this.identity = { ...former, incarnation: former.incarnation + 1 };
    this.records.length = Number(position);
    this.#appendedMs.length = Number(position);
    this.#restoredMs = this.#nowMs();
    this.#fold = fold;
    // What was before the backup is part of the new incarnation, too.
    for (const end of [0n, ...ends].filter((end) => end <= position)) {
      const past = this.foldAt(former, end);
      if (past) this.#folds.set(placeName(this.identity, end), past);
    }
  }

  /** Since when the log has been something else than who is at a place knows; undefined while it is not. */
  lackingSinceMs(log: Log | undefined, position: bigint): number | undefined {
    if (log?.incarnation !== this.identity.incarnation) return this.#restoredMs;
    return this.#appendedMs[Number(position)];
  }

  /** A commit that ended some time ago. */
  someEnd(upTo: bigint): bigint {
    const ends = this.records.filter(({ position, commit }) => position === commit && position <= upTo);
    return ends.length === 0 ? 0n : this.#random.pick(ends).position;
  }

  /** Undefined where no commit ends: there, nobody may ever be. */
  foldAt(log: Log, position: bigint): Replica | undefined {
    return this.#folds.get(placeName(log, position));
  }

  /** The rows that a snapshot at a position is made of, as the control plane keeps them. */
  snapshotAt(position: bigint, rowsAt = position): Uint8Array[] {
    const rows = new Map<string, Pick<Resource, "kind" | "id" | "body">>();
    for (const record of this.records.slice(0, Number(rowsAt))) {
      const change = changeOf(record);
      if (!change) continue;
      const name = `${change.kind}/${change.id}`;
      if (change.bytes === undefined) rows.delete(name);
      else rows.set(name, { kind: change.kind, id: change.id, body: change.bytes });
    }
    const chunks = [{ resources: [...rows.values()] }, { last: true, hash: this.hashAt(position) }];
    return chunks.map((chunk) =>
      toBinary(SnapshotChunkSchema, create(SnapshotChunkSchema, { log: this.identity, position, ...chunk })),
    );
  }

  #keepFold(): void {
    this.#folds.set(placeName(this.identity, this.head), this.#fold);
  }
}

function placeName({ id, incarnation }: Log, position: bigint): string {
  return `${id}:${incarnation}@${position}`;
}

export function digestsOf(replica: Replica): string {
  return [...replica.kinds.keys()]
    .map((kind) => `${kind} ${Buffer.from(digest(replica, kind)).toString("hex")}`)
    .join(", ");
}

function recordOf(event: Message, position: bigint, commit: bigint): LogRecord {
  const { type, replicated } = typeNamed(event.$typeName);
  return create(RecordSchema, { position, commit, type, ...(replicated ? { body: encodeEvent(event) } : {}) });
}

/** Few ids, so that what is there is changed and goes; the number makes each event's bytes its own. */
function eventOf(random: SeededRandom): Message {
  const id = random.pick(["a", "b", "c", "d"]);
  const name = String(random.int(1_000_000));
  // A resource that this software cannot enforce, now and then.
  const requires = random.chance(0.1) ? ["unheard-of"] : [];
  switch (random.int(8)) {
    case 0:
      return create(TeamCreatedSchema, { team: { id, name, requires } });
    case 1:
      return create(TeamRetiredSchema, { team: { id, name } });
    case 2:
      return create(KeyIssuedSchema, { key: { id, name, requires } });
    case 3:
      return create(KeyChangedSchema, { key: { id, name, requires } });
    case 4:
      return create(KeyRevokedSchema, { key: { id, name } });
    case 5:
      return create(ServerRegisteredSchema, { server: { id, name, requires } });
    case 6:
      return create(ServerRetiredSchema, { server: { id, name } });
    default:
      return create(AdminTokenIssuedSchema, { adminToken: { id, name } });
  }
}
