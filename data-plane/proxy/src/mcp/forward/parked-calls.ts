// Calls that wait for their clients: a legacy server asked something in the middle, and the modern client was told to come
// again. It comes with a sealed state that names the call, whose it is and what it was about, so nobody else can take
// part in it and no other request. A call waits for a bounded time, and its last answer is kept for a while: whoever lost
// it gets it again, and nothing is run twice.

import { hash } from "node:crypto";
import type { Sealer } from "../../sealing/sealer.ts";
import type { Deadlines } from "../../upstream/deadlines.ts";
import { placeText, readPlace, type Place } from "../placement/place.ts";
import { textIn } from "../../bytes/edits.ts";
import type { RequestEnvelope } from "../wire/envelope.ts";
import { valueOf } from "../../bytes/members.ts";

export type Parked<Leg> = {
  /** Another leg of the same call. */
  resume(leg: Leg, round: number): void;
  /** Its client did not come again. */
  expire(): void;
};

export type ParkLimits = {
  readonly parkedCallsMax: number;
  readonly parkedCallsPerKeyMax: number;
  readonly parkedMsMax: number;
};

type Entry<Leg> = {
  readonly parked: Parked<Leg>;
  readonly digest: string;
  readonly keyId: string;
  unwatch: () => void;
};

export class ParkedCalls<Leg> {
  private readonly limits: ParkLimits;
  private readonly sealer: Sealer;
  private readonly deadlines: Deadlines;
  private readonly self: Place;
  private readonly wallMs: () => number;
  private readonly entries = new Map<string, Entry<Leg>>();
  private readonly byKey = new Map<string, number>();
  private last = 0;

  constructor(limits: ParkLimits, sealer: Sealer, deadlines: Deadlines, self: Place, wallMs: () => number) {
    this.limits = limits;
    this.sealer = sealer;
    this.deadlines = deadlines;
    this.self = self;
    this.wallMs = wallMs;
  }

  /** How long a client has for his answer. */
  get msMax(): number {
    return this.limits.parkedMsMax;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Undefined where as many wait as may, of the key's or of all. */
  add(parked: Parked<Leg>, keyId: string, digest: string): string | undefined {
    const ofKey = this.byKey.get(keyId) ?? 0;
    if (this.entries.size >= this.limits.parkedCallsMax || ofKey >= this.limits.parkedCallsPerKeyMax) return undefined;
    this.byKey.set(keyId, ofKey + 1);
    const n = String(++this.last);
    this.entries.set(n, { parked, digest, keyId, unwatch: () => undefined });
    return n;
  }

  /** The state that the client brings back; undefined where it cannot be sealed. The call waits from now on. */
  wait(n: string, round: number): string | undefined {
    const entry = this.entries.get(n);
    if (entry === undefined) return undefined;
    entry.unwatch();
    entry.unwatch = this.deadlines.watch(this.limits.parkedMsMax, () => this.expire(n));
    const payload = Buffer.from(JSON.stringify({ o: placeText(this.self), n, r: round, d: entry.digest }));
    const binding = { purpose: "request-state", principal: entry.keyId } as const;
    const sealed = this.sealer.seal(binding, payload, this.wallMs() + this.limits.parkedMsMax);
    return sealed.outcome === "sealed" ? sealed.text : undefined;
  }

  /** It runs again. */
  runs(n: string): void {
    this.entries.get(n)?.unwatch();
  }

  /** Kept for who asks again for what he did not get. */
  done(n: string, keptMs: number): void {
    const entry = this.entries.get(n);
    if (entry === undefined) return;
    entry.unwatch();
    entry.unwatch = this.deadlines.watch(keptMs, () => this.remove(n));
  }

  remove(n: string): void {
    const entry = this.entries.get(n);
    if (entry === undefined) return;
    entry.unwatch();
    this.entries.delete(n);
    const left = (this.byKey.get(entry.keyId) ?? 1) - 1;
    if (left === 0) this.byKey.delete(entry.keyId);
    else this.byKey.set(entry.keyId, left);
  }

  open(keyId: string, state: string): OpenedState | undefined {
    const opened = this.sealer.open({ purpose: "request-state", principal: keyId }, state);
    if (opened.outcome === "refused") return undefined;
    const { o, n, r, d }: { o?: unknown; n?: unknown; r?: unknown; d?: unknown } = Object(
      JSON.parse(Buffer.from(opened.payload).toString("utf8")),
    );
    const place = readPlace(o);
    if (place === undefined || typeof n !== "string" || typeof r !== "number" || typeof d !== "string")
      return undefined;
    return { place, n, round: r, digest: d };
  }

  find({ n, digest }: OpenedState, keyId: string): Parked<Leg> | undefined {
    const entry = this.entries.get(n);
    return entry?.digest === digest && entry.keyId === keyId ? entry.parked : undefined;
  }

  expireAll(): void {
    for (const n of this.entries.keys()) this.expire(n);
  }

  private expire(n: string): void {
    const entry = this.entries.get(n);
    this.remove(n);
    entry?.parked.expire();
  }
}

export type OpenedState = {
  readonly place: Place;
  readonly n: string;
  readonly round: number;
  readonly digest: string;
};

/** What a request is about, however it is written: its method, and its parameters without what a retry changes. */
export function digestOf(body: Buffer, { method, at }: RequestEnvelope): string {
  const about = [at["params>name"], at["params>uri"]].map((span) => (span === undefined ? "" : textIn(body, span)));
  const args = at["params>arguments"];
  const canonical = args === undefined ? "{}" : sorted(valueOf(body, args));
  return hash("sha256", JSON.stringify([method, ...about, canonical])).slice(0, 32);
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
