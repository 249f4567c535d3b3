// Sessions with one server, kept by this worker and shared by its clients. A server with sessions knows a request by its id
// within one, and ids are relayed as clients made them, so two calls with one id must never run in one session: the answer
// of one client's call could reach the other. A call therefore takes a session in which its id is free, and another is opened
// where there is none. An id whose call was given up stays taken, because the server may still answer it. A server
// without sessions needs one only in name.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Deadlines } from "../upstream/deadlines.ts";
import { exchange, meterUpTo, unread, type BodyReader, type Meter } from "../upstream/exchange.ts";
import type { Upstream, Upstreams } from "../upstream/upstreams.ts";
import { memberFinder, valueOf } from "./wire/members.ts";
import { answerReader } from "./wire/sse.ts";

export const upstreamVersion = "2025-11-25";
const sessionsPerServerMax = 1_024;
/** A session with this many given-up ids is ended rather than carried on. */
const abandonedIdsMax = 256;
const idleMs = 60_000;
/** Of what a server says about its sessions; a list has bounds of its own. */
const ownAnswerBytesMax = 256 * 1024;

/** One text for an id however it was written, so that `1` and `1.0` are known to be the same to a server. */
export function callIdOf(id: string): string {
  return JSON.stringify(JSON.parse(id));
}

export type Session = {
  readonly id: string | undefined;
  readonly version: string;
  readonly takenIds: Set<string>;
  usedMs: number;
  abandonedIds: number;
  headers: { secrets: readonly string[]; lines: readonly string[] } | undefined;
};

export type Bounds = { readonly timeoutMs: number; readonly meter: Meter };

export type UpstreamSessions = {
  /** A session in which `callId` is taken from now on. At once where one is open. */
  take(callId: string): Session | Promise<Session>;
  release(session: Session, callId: string): void;
  /** The client hung up: the server is told, and the id stays taken. */
  abandon(session: Session, id: string): void;
  /** The server does not know the session any more. */
  forget(session: Session): void;
  headers(session: Session): readonly string[];
  /** One request of the gate's own; the message that answers it. */
  request(method: string, params: object, bounds: Bounds): Promise<Buffer>;
};

export function openSessions(
  upstream: Upstream,
  upstreams: Pick<Upstreams, "secretHeaders">,
  deadlines: Deadlines,
  nowMs: () => number = () => performance.now(),
): UpstreamSessions {
  const sessions = new Set<Session>();
  let first: Promise<Session> | undefined;
  let openings = 0;
  let requests = 0;

  function take(callId: string): Session | Promise<Session> {
    for (const session of sessions) {
      if (session.id !== undefined && session.takenIds.has(callId)) continue;
      session.takenIds.add(callId);
      session.usedMs = nowMs();
      return session;
    }
    if (sessions.size + openings >= sessionsPerServerMax)
      throw new TollgateError("upstream.unreachable", "Too many calls with the same id are running.");
    return takeNew(callId);
  }

  async function takeNew(callId: string): Promise<Session> {
    if (sessions.size > 0) return open([callId]);
    // Those who wait for the first session share it, unless their ids meet.
    first ??= open([]).finally(() => (first = undefined));
    await first;
    return take(callId);
  }

  function open(takenIds: readonly string[]): Promise<Session> {
    openings++;
    return initialize(takenIds).finally(() => openings--);
  }

  async function initialize(takenIds: readonly string[]): Promise<Session> {
    const clientInfo = { name: "tollgate", version: "0.1.0" };
    const params = { protocolVersion: upstreamVersion, capabilities: {}, clientInfo };
    const { answer, headers: head } = await ask(undefined, "initialize", params, ownBounds());
    const id = head["mcp-session-id"];
    const session: Session = {
      id: typeof id === "string" ? id : undefined,
      version: negotiatedVersion(answer),
      takenIds: new Set(takenIds),
      usedMs: nowMs(),
      abandonedIds: 0,
      headers: undefined,
    };
    await notify(session, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
    sessions.add(session);
    if (sessions.size === 2) deadlines.watch(idleMs, endIdle);
    return session;
  }

  function headers(session: Session | undefined): readonly string[] {
    const secrets = upstreams.secretHeaders(upstream);
    if (session?.headers?.secrets === secrets) return session.headers.lines;
    const lines = ["content-type", "application/json", "accept", "application/json, text/event-stream", ...secrets];
    if (session !== undefined) {
      if (session.id !== undefined) lines.push("mcp-session-id", session.id);
      lines.push("mcp-protocol-version", session.version);
      session.headers = { secrets, lines };
    }
    return lines;
  }

  function ownBounds(): Bounds {
    return { timeoutMs: upstream.timeoutMs, meter: meterUpTo(ownAnswerBytesMax) };
  }

  type Sent<Answer> = Bounds & { body: string; readerOf: (head: IncomingHttpHeaders) => BodyReader<Answer> };

  /** Async throughout: a credential that has gone is a rejection like any other failure, never a throw in a timer. */
  async function send<Answer>(session: Session | undefined, sent: Sent<Answer>) {
    return exchange(upstream, deadlines, { method: "POST", headers: headers(session), ...sent });
  }

  function notify(session: Session, body: string) {
    return send(session, { ...ownBounds(), body, readerOf: unread });
  }

  async function ask(session: Session | undefined, method: string, params: object, bounds: Bounds) {
    const id = `"tollgate-${++requests}"`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`;
    const readerOf = (head: IncomingHttpHeaders) => answerReader(head["content-type"] ?? "", id);
    const exchanged = await send(session, { ...bounds, body, readerOf });
    if (exchanged.status === 404 && session?.id !== undefined) return { ...exchanged, answer: undefined };
    if (exchanged.status !== 200 || exchanged.answer === undefined)
      throw new TollgateError("upstream.protocol", `It answered ${method} with status ${exchanged.status}.`);
    return exchanged;
  }

  /** Sessions beyond the first that a burst needed and nobody used since. */
  function endIdle(): void {
    const since = nowMs() - idleMs;
    for (const session of sessions)
      if (sessions.size > 1 && session.takenIds.size === 0 && session.usedMs < since) end(session);
    if (sessions.size > 1) deadlines.watch(idleMs, endIdle);
  }

  function end(session: Session): void {
    sessions.delete(session);
    if (session.id === undefined) return;
    // A courtesy: servers may not know it, and forget sessions by themselves.
    goodbye(session).catch(() => undefined);
  }

  async function goodbye(session: Session): Promise<void> {
    const request = { method: "DELETE", headers: headers(session), body: null, readerOf: unread } as const;
    await exchange(upstream, deadlines, { ...request, ...ownBounds() });
  }

  return {
    take,
    headers,
    release: (session, callId) => void session.takenIds.delete(callId),
    abandon(session, id) {
      const params = `{"requestId":${id},"reason":"The client closed the call."}`;
      const body = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
      notify(session, body).catch(() => undefined); // Nobody waits for the call any more.
      // Only no longer taken: other clients' calls are still running in it.
      if (++session.abandonedIds >= abandonedIdsMax) sessions.delete(session);
    },
    forget: (session) => void sessions.delete(session),
    async request(method, params, bounds) {
      // The gate's own ids are counted, so any session will do.
      const own = `"tollgate-own-${++requests}"`;
      for (let attempt = 1; ; attempt++) {
        const session = await take(own);
        const { answer } = await ask(session, method, params, bounds).finally(() => session.takenIds.delete(own));
        if (answer !== undefined) return answer;
        sessions.delete(session);
        if (attempt === 2) throw new TollgateError("upstream.protocol", "It forgets its sessions at once.");
      }
    },
  };
}

const findVersion = memberFinder(["result.protocolVersion"]);

function negotiatedVersion(answer: Buffer | undefined): string {
  const span = answer && findVersion(answer)["result.protocolVersion"];
  const version = answer && span && valueOf(answer, span);
  if (typeof version !== "string") throw new TollgateError("upstream.protocol", "Its `initialize` names no version.");
  return version;
}
