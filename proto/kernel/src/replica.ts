// The state that the log folds to, the same function in both planes: the control plane folds it into rows and serves
// snapshots of them, a proxy folds it into memory and decides by it. A replica is immutable; `apply` gives the next one.
// Every replicated event carries its whole resource, so the fold is one rule read from the schema: the event's resource
// takes the place of the former one, or leaves. What cannot be read makes its own scopes refuse and nothing else.

import { fromBinary, isMessage, type DescMessage, type Message } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { PolicySchema } from "@tollgate/schema/resources";
import type { Record as LogRecord } from "@tollgate/schema/sync";
import { eventTypes, resourceBytes, resourceTypes } from "./catalogue.ts";
import { knownFeatures } from "./features.ts";
import { scopeOf } from "./ids.ts";
import { restrainedBy } from "./quotas/quota-scope.ts";
import { policyProblem } from "./policy/compile.ts";
import { emptyMap, type ShardedMap } from "./sharded-map.ts";

/** What one event does to the state. No bytes: the resource leaves. */
export type Change = { kind: string; id: string; bytes: Uint8Array | undefined };

/** It holds the bytes alone: a hundred thousand keys decoded are some 100 MiB, and most of them never make a call. */
export type Entry = { id: string; bytes: Uint8Array };

export type KindState = { entries: ShardedMap<Entry> };

/**
 * The position is where it was met first: the snapshot's if it came with one. `restrains`: who else refuses for it, as far as
 * that is known.
 */
export type Refused = { position: bigint; reason: string; restrains?: readonly string[] };

export type Replica = {
  /** Everything up to this position is in it, and nothing after. */
  position: bigint;
  kinds: ReadonlyMap<string, KindState>;
  /** Scopes about which something could not be understood, each with where and why; they refuse. */
  refused: ReadonlyMap<string, Refused>;
  /** Those of them that refuse only because their own resource cannot be enforced: its next version settles it. What an
   *  unknown event said stays unknown, and its scopes refuse until a snapshot. */
  replaceable: ReadonlySet<string>;
};

/** Whether a resource refuses, because something about it could not be understood. Asked several times a call; almost always nothing does. */
export function refuses({ refused }: Pick<Replica, "refused">, kind: string, id: string): boolean {
  return refused.size > 0 && refused.has(scopeOf(kind, id));
}

export function empty(): Replica {
  return {
    position: 0n,
    kinds: new Map([...resourceTypes.keys()].map((kind) => [kind, { entries: emptyMap<Entry>() }])),
    refused: new Map(),
    replaceable: new Set(),
  };
}

/** What a record changes; undefined where it carries nothing for a replica. Throws on a body that cannot be read. */
export function changeOf(record: Pick<LogRecord, "type" | "body">): Change | undefined {
  return readRecord(record)?.change;
}

/** Nothing has to be enforced of what leaves, and it has no head. */
type ReadRecord = { change: Change; head: ResourceHead | undefined };

function readRecord({ type, body }: Pick<LogRecord, "type" | "body">): ReadRecord | undefined {
  if (body === undefined) return undefined;
  const known = eventTypes.get(type);
  if (!known) throw new Error(`the event type ${type} is not known here`);
  const { kind, removes } = known;
  const bytes = resourceBytes(body);
  const head = readResource(kind, bytes);
  const { id } = head;
  return removes ? { change: { kind, id, bytes: undefined }, head: undefined } : { change: { kind, id, bytes }, head };
}

/** The next replica after records that follow it without a hole. Whole commits only: half of one must not be seen. */
export function apply(replica: Replica, records: readonly LogRecord[]): Replica {
  const next: Next = { changes: [], refused: new Map(replica.refused), replaceable: new Set(replica.replaceable) };
  let position = replica.position;
  for (const record of records) {
    if (record.position !== position + 1n)
      throw new Error(`record ${record.position} does not follow ${position}: records are applied without holes`);
    position = record.position;
    readInto(next, record);
  }
  const last = records.at(-1);
  if (last && last.commit !== last.position) throw new Error(`position ${last.position} does not end a commit`);
  return replicaOf(replica, position, next);
}

type Next = { changes: Change[]; refused: Map<string, Refused>; replaceable: Set<string> };

function replicaOf(from: Replica, position: bigint, { changes, refused, replaceable }: Next): Replica {
  return { position, kinds: withChanges(from.kinds, changes), refused, replaceable };
}

function readInto(next: Next, record: LogRecord): void {
  try {
    const read = readRecord(record);
    if (read) settle(next, read, record.position);
  } catch (error) {
    refuseAll(next, record.scopes, { position: record.position, reason: reasonOf(error) });
  }
}

/** The resource's own scope comes first, those that it restrains behind it. */
function refuseAll(next: Next, [own, ...restrains]: readonly string[], refused: Refused): void {
  if (own === undefined) return;
  next.refused.set(own, restraining(refused, restrains));
  for (const scope of restrains) next.refused.set(scope, refused);
  for (const scope of [own, ...restrains]) next.replaceable.delete(scope);
}

function restraining(refused: Refused, restrains: readonly string[]): Refused {
  return restrains.length === 0 ? refused : { ...refused, restrains };
}

/** A resource that cannot be enforced is not kept, and neither is the one before it: nothing decides by what is past. */
function settle(next: Next, { change, head }: ReadRecord, position: bigint): void {
  const { kind, id } = change;
  const scope = scopeOf(kind, id);
  const problem = head && problemOf(head);
  if (head === undefined || problem === undefined) {
    next.changes.push(change);
    if (next.replaceable.delete(scope)) next.refused.delete(scope);
    return;
  }
  next.changes.push({ kind, id, bytes: undefined });
  const restrains = restrainedBy(head.resource);
  const former = next.refused.get(scope);
  const isReplaceable = next.replaceable.has(scope);
  // Where an event was not understood, nor whom it was about, it may be about anybody still.
  if (former !== undefined && !isReplaceable && former.restrains === undefined) return;
  if (!former) next.replaceable.add(scope);
  // What is replaced restrains nobody any more; of what was not understood nobody knows whether it does.
  const before = former && !isReplaceable ? (former.restrains ?? []) : [];
  const { restrains: _, ...said } = former ?? { position, reason: problem };
  // One that names nobody is about everybody, and more than everybody there is not.
  const all = restrains.length === 0 ? [] : [...new Set([...before, ...restrains])];
  next.refused.set(scope, restraining(said, all));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The kinds of resources that this software knows. */
export const knownKinds: readonly string[] = [...resourceTypes.keys()];

/** What this software can enforce, for a proxy to say of itself. */
export function knowledge(): { eventTypes: string[]; features: string[] } {
  const replicated = [...eventTypes.values()].filter((type) => type.replicated);
  return { eventTypes: replicated.map(({ type }) => type), features: [...knownFeatures] };
}

/** Why a resource cannot be enforced here; undefined when it can. */
function problemOf({ requires, resource }: ResourceHead): string | undefined {
  const missing = requires.filter((name) => !knownFeatures.has(name));
  if (missing.length > 0) return `needs the features ${missing.join(", ")}, which are not known here`;
  return isMessage(resource, PolicySchema) ? policyProblem(resource) : undefined;
}

/** As a snapshot brings it. `restrains`: who refuses, too, where this one is not understood. */
export type Stored = Required<Change> & { restrains?: readonly string[] };

/** A snapshot's resources at its position. */
export function fromSnapshot(position: bigint, resources: Iterable<Stored>): Replica {
  const next: Next = { changes: [], refused: new Map(), replaceable: new Set() };
  for (const change of resources) settleStored(next, change, position);
  return replicaOf(empty(), position, next);
}

/** One stored resource that cannot be read makes its own scope refuse, not the proxy wait for ever. */
function settleStored(next: Next, { restrains = [], ...change }: Stored, position: bigint): void {
  const { kind, id, bytes } = change;
  const scope = scopeOf(kind, id);
  if (!resourceTypes.has(kind))
    return refuseAll(next, [scope, ...restrains], { position, reason: `the kind ${kind} is not known here` });
  try {
    settle(next, { change, head: bytes && readResource(kind, bytes) }, position);
  } catch (error) {
    next.refused.set(scope, restraining({ position, reason: reasonOf(error) }, restrains));
    next.replaceable.add(scope);
  }
}

function withChanges(kinds: Replica["kinds"], changes: readonly Change[]): Replica["kinds"] {
  const byKind = Map.groupBy(changes, (change) => change.kind);
  if (byKind.size === 0) return kinds;
  const changed = new Map(kinds);
  for (const [kind, ofKind] of byKind) {
    const state = kinds.get(kind);
    if (!state) throw new Error(`no state for the kind ${kind}`);
    changed.set(kind, changeKind(kind, state, ofKind));
  }
  return changed;
}

function changeKind(kind: string, state: KindState, changes: readonly Change[]): KindState {
  const latest = new Map<string, Entry | undefined>();
  for (const { id, bytes } of changes) latest.set(id, bytes === undefined ? undefined : { id, bytes });
  const next: KindState = { entries: state.entries.change(latest) };
  const known = sums.get(state);
  if (known !== undefined) sums.set(next, known + added(kind, latest.values()) - added(kind, replaced(state, latest)));
  return next;
}

function* replaced({ entries }: KindState, by: ReadonlyMap<string, unknown>): Generator<Entry | undefined> {
  for (const id of by.keys()) yield entries.get(id);
}

/** Summed up when first asked for, and from then on changed with every change: the workers are never asked, and hashing is
 *  half of what it costs to read a snapshot. */
const sums = new WeakMap<KindState, bigint>();

function added(kind: string, entries: Iterable<Entry | undefined>): bigint {
  let sum = 0n;
  for (const entry of entries) if (entry) sum += entryHash(kind, entry.id, entry.bytes);
  return sum;
}

/** 128 bits of SHA-256. A kind's digest is the sum of its entries' hashes, so that it changes by a subtraction and an
 *  addition however many entries there are. It finds divergence; it is no proof against someone who chooses entries. */
export function entryHash(kind: string, id: string, bytes: Uint8Array): bigint {
  const hash = sha256
    .create()
    .update(utf8ToBytes(`${kind}/${id}\n`))
    .update(bytes)
    .digest();
  return (
    new DataView(hash.buffer, hash.byteOffset).getBigUint64(0) * 2n ** 64n +
    new DataView(hash.buffer, hash.byteOffset).getBigUint64(8)
  );
}

export function digest(replica: Replica, kind: string): Uint8Array {
  const state = replica.kinds.get(kind);
  if (!state) return digestBytes(0n);
  const sum = sums.get(state) ?? added(kind, state.entries.values());
  sums.set(state, sum);
  return digestBytes(sum);
}

/** Of a sum of entries' hashes, which may be more than 128 bits hold. */
export function digestBytes(sum: bigint): Uint8Array {
  const value = BigInt.asUintN(128, sum);
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, value >> 64n);
  new DataView(bytes.buffer).setBigUint64(8, BigInt.asUintN(64, value));
  return bytes;
}

type ResourceHead = { id: string; requires: readonly string[]; resource: Message };

/** What the fold must know of a resource, read by decoding all of it: what cannot be read must be known to be so now, and
 *  not by the call that would have been decided by it. */
function readResource(kind: string, bytes: Uint8Array): ResourceHead {
  const resource: Message = fromBinary(descOf(kind), bytes);
  if (!("id" in resource) || typeof resource.id !== "string" || resource.id === "")
    throw new Error(`a ${kind} without an id`);
  const requires = "requires" in resource && Array.isArray(resource.requires) ? resource.requires.map(String) : [];
  return { id: resource.id, requires, resource };
}

function descOf(kind: string): DescMessage {
  const known = resourceTypes.get(kind);
  if (!known) throw new Error(`the kind ${kind} is not known here`);
  return known.desc;
}
