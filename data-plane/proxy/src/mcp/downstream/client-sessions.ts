// Sessions of legacy clients. The id that a client carries is sealed and says everything that the session began with, so that
// nobody can make one up, and another key cannot use it. What happens in a session stays here: its streams, the questions
// that wait for the client, its sessions at servers. Who opens too many loses those that he used longest ago.

import { hash, randomBytes } from "node:crypto";
import type { Sealer } from "../../sealing/sealer.ts";
import { capabilitySetOf } from "../capability-set.ts";
import type { Client, LogLevel } from "../client.ts";
import { placeText, readPlace, type Place } from "../placement/place.ts";
import type { Told, Whose } from "./announcements.ts";
import { EventStream } from "./event-stream.ts";

export type SessionLimits = {
  readonly sessionsMax: number;
  readonly sessionsPerKeyMax: number;
  readonly sessionIdleMsMax: number;
  readonly sessionLifeMsMax: number;
  readonly streamKeptBytesMax: number;
};

/** A question to the client, and what to do with its answer. `of`: the call, or the server, for whose sake it is. */
export type Question = { readonly of: unknown; onAnswer(answer: Buffer): void };

const streamsPerSessionMax = 64;
const shortIdChars = 16;
/** What a session keeps in all is bounded by so many streams that keep as much as one may. */
const fullStreamsMax = 4;
const questionsPerSessionMax = 256;
const primedVersion = "2025-11-25";

export class ClientSession {
  readonly id: string;
  readonly principalId: string;
  readonly client: Client;
  usedMs = 0;
  level: LogLevel | undefined;
  /** Who its client was when he came last. */
  whose: Whose | undefined;
  /** How each of its subscriptions is ended, by the URI that the client knows. */
  readonly subscriptions = new Map<string, () => void>();
  /** Everything at servers that is to end with the session. */
  readonly ends = new Set<() => void>();
  /** What the client was told of lists, from stream to stream. */
  readonly told: Told = { lists: undefined };
  private readonly questions = new Map<string, Question>();
  /** Who wants to know that the client is asked, or not any more. */
  private readonly whenAskedGo = new Set<() => void>();
  /** Requests under way by the client's id, to be given up by `notifications/cancelled`. */
  readonly underWay = new Map<string, () => void>();
  private short: string | undefined;
  private readonly keptBytesMax: number;
  private readonly streams = new Map<string, EventStream>();
  /** Begins the names of streams: a session that goes on elsewhere must not take a former life's event for its own. */
  private readonly life = randomBytes(4).toString("hex");
  private lastStream = 0;
  private lastQuestion = 0;
  /** What belongs to no request. */
  readonly general: EventStream;
  isEnded = false;
  /** It goes on here only while the worker that it belongs to is away. */
  standsIn = false;

  constructor(id: string, principalId: string, client: Client, keptBytesMax: number) {
    this.id = id;
    this.principalId = principalId;
    this.client = client;
    this.keptBytesMax = keptBytesMax;
    this.general = this.makeStream();
  }

  /** For records: tells sessions apart, and is of no use to whoever reads it. */
  get shortId(): string {
    return (this.short ??= hash("sha256", this.id, "hex").slice(0, shortIdChars));
  }

  makeStream(): EventStream {
    const name = `${this.life}.${++this.lastStream}`;
    // Clients of former versions take an event without data for broken JSON.
    const isPrimed = this.client.version === primedVersion;
    const stream = new EventStream({ name, isPrimed, keptBytesMax: this.keptBytesMax });
    this.streams.set(name, stream);
    this.forgetStreams();
    return stream;
  }

  /** Those that nobody is connected to, the oldest first, until the rest is within its bounds. */
  private forgetStreams(): void {
    let keptBytes = 0;
    for (const { bytesKept } of this.streams.values()) keptBytes += bytesKept;
    for (const [oldest, stream] of this.streams) {
      const { isConnected, bytesKept } = stream;
      if (this.streams.size <= streamsPerSessionMax && keptBytes <= this.keptBytesMax * fullStreamsMax) break;
      if (isConnected || stream === this.general) continue;
      this.streams.delete(oldest);
      keptBytes -= bytesKept;
    }
  }

  /** The stream that an event's id belongs to. */
  streamOf(eventId: string): EventStream | undefined {
    return this.streams.get(eventId.split("-")[0] ?? "");
  }

  /** The id under which a question goes out; undefined where as many wait as may. */
  ask(question: Question): string | undefined {
    if (this.questions.size >= questionsPerSessionMax) return undefined;
    const id = `${++this.lastQuestion}`;
    this.questions.set(id, question);
    this.tellAsked();
    return id;
  }

  /** The client answers, or nobody waits for it any more: undefined where it is asked nothing of the kind. */
  asked(id: string): Question | undefined {
    const question = this.questions.get(id);
    if (this.questions.delete(id)) this.tellAsked();
    return question;
  }

  isAsked(of: unknown): boolean {
    for (const question of this.questions.values()) if (question.of === of) return true;
    return false;
  }

  /** What is returned ends it. */
  whenAsked(go: () => void): () => void {
    this.whenAskedGo.add(go);
    return () => void this.whenAskedGo.delete(go);
  }

  private tellAsked(): void {
    for (const go of this.whenAskedGo) go();
  }

  end(): void {
    this.isEnded = true;
    for (const giveUp of this.underWay.values()) giveUp();
    for (const end of this.ends) end();
    this.ends.clear();
    for (const stream of this.streams.values()) stream.end();
    this.streams.clear();
    this.questions.clear();
  }
}

export type Opened =
  { outcome: "opened"; session: ClientSession } | { outcome: "refused"; reason: "payload-too-large" | "no-key" };

export class ClientSessions {
  private readonly limits: SessionLimits;
  private readonly sealer: Sealer;
  private readonly wallMs: () => number;
  private readonly self: Place;
  /** In the order of their last use, by their ids; and so for each principal. */
  private readonly sessions = new Map<string, ClientSession>();
  private readonly byPrincipal = new Map<string, Set<ClientSession>>();

  constructor(limits: SessionLimits, sealer: Sealer, wallMs: () => number, self: Place) {
    this.self = self;
    this.limits = limits;
    this.sealer = sealer;
    this.wallMs = wallMs;
  }

  get size(): number {
    return this.sessions.size;
  }

  open(principalId: string, client: Client): Opened {
    const { version, capabilities, info } = client;
    const payload = JSON.stringify({
      n: randomBytes(9).toString("base64url"),
      o: placeText(this.self),
      v: version,
      c: capabilities.text,
      i: info,
    });
    const nowMs = this.wallMs();
    const sealed = this.sealer.seal(
      { purpose: "session", principal: principalId },
      Buffer.from(payload),
      nowMs + this.limits.sessionLifeMsMax,
    );
    if (sealed.outcome === "refused") return sealed;
    const session = new ClientSession(sealed.text, principalId, client, this.limits.streamKeptBytesMax);
    this.keep(session);
    return { outcome: "opened", session };
  }

  /** Undefined for one that is not known, or not this principal's: they are not told apart. */
  find(id: string, principalId: string): ClientSession | undefined {
    const session = this.sessions.get(id);
    if (session === undefined || session.principalId !== principalId) return undefined;
    this.use(session);
    return session;
  }

  /** Where a session is, by what its id says; undefined for one that is none, or not this principal's. */
  placeOf(id: string, principalId: string): Place | undefined {
    return this.read(id, principalId)?.place;
  }

  /** Goes on with a session whose worker is gone: what it had at servers is lost, what it is is not. */
  adopt(id: string, principalId: string, as: "heir" | "stand-in"): ClientSession | undefined {
    const existing = this.find(id, principalId);
    if (existing !== undefined) return existing;
    const read = this.read(id, principalId);
    if (read === undefined) return undefined;
    const session = new ClientSession(id, principalId, read.client, this.limits.streamKeptBytesMax);
    session.standsIn = as === "stand-in";
    this.keep(session);
    return session;
  }

  private read(id: string, principalId: string): { place: Place; client: Client } | undefined {
    const opened = this.sealer.open({ purpose: "session", principal: principalId }, id);
    return opened.outcome === "opened" ? sealedIn(opened.payload) : undefined;
  }

  end(session: ClientSession): void {
    this.sessions.delete(session.id);
    const own = this.byPrincipal.get(session.principalId);
    own?.delete(session);
    if (own?.size === 0) this.byPrincipal.delete(session.principalId);
    session.end();
  }

  /** Ends those that nobody used for long. */
  endIdle(): void {
    const since = performance.now() - this.limits.sessionIdleMsMax;
    const old: ClientSession[] = [];
    for (const session of this.sessions.values()) {
      if (session.usedMs >= since) break;
      old.push(session);
    }
    for (const session of old) {
      if (session.underWay.size > 0 || session.general.isConnected) this.use(session);
      else this.end(session);
    }
  }

  private use(session: ClientSession): void {
    this.sessions.delete(session.id);
    this.sessions.set(session.id, session);
    session.usedMs = performance.now();
  }

  /** Ends what belongs to principals that are not there any more. */
  keepOnly(isThere: (principalId: string) => boolean): void {
    for (const principalId of this.byPrincipal.keys())
      if (!isThere(principalId)) for (const session of this.byPrincipal.get(principalId) ?? []) this.end(session);
  }

  all(): Iterable<ClientSession> {
    return this.sessions.values();
  }

  private keep(session: ClientSession): void {
    session.usedMs = performance.now();
    this.sessions.set(session.id, session);
    const own = this.byPrincipal.get(session.principalId) ?? new Set();
    own.add(session);
    this.byPrincipal.set(session.principalId, own);
    if (own.size > this.limits.sessionsPerKeyMax) this.endOldest(own);
    // The first of the map is the one that was used longest ago.
    if (this.sessions.size > this.limits.sessionsMax) this.endFirst();
  }

  private endFirst(): void {
    for (const session of this.sessions.values()) return this.end(session);
  }

  private endOldest(of: Iterable<ClientSession>): void {
    const [first, ...rest] = of;
    const oldest = rest.reduce((least, session) => (least && session.usedMs >= least.usedMs ? least : session), first);
    if (oldest !== undefined) this.end(oldest);
  }
}

/** What a sealed id says of where it was made, and for whom. */
function sealedIn(payload: Uint8Array): { place: Place; client: Client } | undefined {
  const sealed: { o?: unknown; v?: unknown; c?: unknown; i?: unknown } = Object(
    JSON.parse(Buffer.from(payload).toString("utf8")),
  );
  const { v: version, c: declared, i: info } = sealed;
  const place = readPlace(sealed.o);
  if (place === undefined || typeof version !== "string" || typeof declared !== "string" || typeof info !== "string")
    return undefined;
  const capabilities = capabilitySetOf(declared);
  return capabilities && { place, client: { era: "legacy", version, capabilities, info } };
}
