// A session with a server of the legacy era over Streamable HTTP: the handshake, calls with what the server says and asks in
// the middle of them, answers to what it asks, and the stream on which it says what belongs to no call. A call whose stream
// the server closes early is taken up again where the server lets it. It ends for everybody when the server forgets it.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Upstream, Upstreams } from "../../upstream/upstreams.ts";
import { memberFinder, MemberRefusal, valueOf } from "../wire/members.ts";
import { readServerMessage, type ServerMessage, type ServerNotification, type ServerRequest } from "../wire/message.ts";
import { nextId, type CallEvents, type UpstreamCall } from "./call.ts";
import { MessageExchange, type ExchangeEvents } from "./message-exchange.ts";

export const legacyVersion = "2025-11-25";

export type LegacyParts = {
  readonly upstream: Upstream;
  readonly upstreams: Pick<Upstreams, "secretHeaders">;
  readonly deadlines: Deadlines;
  readonly messageBytesMax: number;
};

/** What a session says that belongs to none of its calls. */
export type SessionEvents = {
  onNotification(notification: ServerNotification): void;
  onRequest(request: ServerRequest): void;
  /** The stream on which it says this ended by a failure; it is asked for again. */
  onStreamBroken?(): void;
  /** The server does not know the session any more, or it was closed. */
  onEnded(): void;
};

export type Handshake = {
  readonly id: string | undefined;
  readonly version: string;
  /** The whole message that answered `initialize`. */
  readonly answer: Buffer;
};

/** A stream is asked for again after a pause that the server names, within these bounds. */
const retryMsMin = 100;
const retryMsMax = 30_000;
const retryMsDefault = 1_000;

export class LegacySession {
  readonly handshake: Handshake;
  readonly declared: string;
  usedMs = performance.now();
  private readonly parts: LegacyParts;
  private readonly events: SessionEvents;
  private readonly calls = new Map<string, LegacyCall>();
  private stream: MessageExchange | undefined;
  private streamTimer: NodeJS.Timeout | undefined;
  private streamIsWanted = false;
  /** In a row. */
  private streamFailures = 0;
  private isEnded = false;
  private lines: { secrets: readonly string[]; lines: readonly string[] } | undefined;

  private constructor(parts: LegacyParts, declared: string, handshake: Handshake, events: SessionEvents) {
    this.parts = parts;
    this.declared = declared;
    this.handshake = handshake;
    this.events = events;
  }

  /** `declared` is the JSON of the capabilities that the gate can serve in this session. */
  static async open(
    parts: LegacyParts,
    { declared, clientInfo, events }: { declared: string; clientInfo: string; events: SessionEvents },
  ): Promise<LegacySession> {
    const params = `{"protocolVersion":"${legacyVersion}","capabilities":${declared},"clientInfo":${clientInfo}}`;
    const id = nextId();
    const { message, headers } = await ask(parts, firstHeaders(parts), id, "initialize", params);
    const sessionId = headers["mcp-session-id"];
    const handshake = {
      id: typeof sessionId === "string" ? sessionId : undefined,
      version: negotiatedVersion(message),
      answer: message,
    };
    const session = new LegacySession(parts, declared, handshake, events);
    await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    return session;
  }

  get isOpen(): boolean {
    return !this.isEnded;
  }

  get isIdle(): boolean {
    return this.calls.size === 0;
  }

  headers(): readonly string[] {
    const secrets = this.parts.upstreams.secretHeaders(this.parts.upstream);
    if (this.lines?.secrets === secrets) return this.lines.lines;
    const lines = [...postHeaders, ...this.ownHeaders()];
    this.lines = { secrets, lines };
    return lines;
  }

  /** For a stream, from behind the event that was the last to come. */
  streamHeaders(lastId: string | undefined): string[] {
    const from = lastId === undefined ? [] : ["last-event-id", lastId];
    return ["accept", "text/event-stream", ...this.ownHeaders(), ...from];
  }

  private ownHeaders(): string[] {
    const { id, version } = this.handshake;
    const named = id === undefined ? [] : ["mcp-session-id", id];
    return [...this.parts.upstreams.secretHeaders(this.parts.upstream), "mcp-protocol-version", version, ...named];
  }

  /** The body is a whole request whose id is `id`. */
  call(id: number, body: Buffer, events: CallEvents): UpstreamCall {
    this.usedMs = performance.now();
    const call = new LegacyCall(this, this.parts, id, events, () => this.calls.delete(String(id)));
    this.calls.set(String(id), call);
    call.start(body);
    return call;
  }

  /** A notification, or the answer to a request of the server's. */
  post(message: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const unwatch = this.parts.deadlines.watch(this.parts.upstream.timeoutMs, () =>
        exchange.abort(new TollgateError("upstream.timeout")),
      );
      const done = (): void => {
        unwatch();
        resolve();
      };
      const exchange = this.exchange("POST", this.headers(), message, {
        onMessage: () => undefined,
        onEnd: done,
        onRejected: (status) => {
          if (status === 404 && this.handshake.id !== undefined) this.end();
          done();
        },
        onFailed: (error) => {
          unwatch();
          reject(error);
        },
      });
    });
  }

  /** One request of the gate's own. Undefined where the session is gone. */
  async request(method: string, params: string, meter?: (bytes: number) => TollgateError | undefined): Promise<Buffer> {
    this.usedMs = performance.now();
    const { message } = await ask(this.parts, this.headers(), nextId(), method, params, meter, (status) => {
      if (status === 404 && this.handshake.id !== undefined) this.end();
    });
    return message;
  }

  /** What belongs to no call is heard from now on, as long as the session lasts. */
  openStream(): void {
    if (this.streamIsWanted) return;
    this.streamIsWanted = true;
    this.listen(undefined);
  }

  private listen(lastId: string | undefined): void {
    if (this.isEnded) return;
    const again = (): void => {
      const { lastId: newest, retryMs } = stream.marks();
      const pauseMs = Math.min(pauseOf(retryMs) * 2 ** this.streamFailures, retryMsMax);
      this.streamTimer = setTimeout(() => this.listen(newest ?? lastId), pauseMs);
      this.streamTimer.unref();
    };
    const stream = this.exchange("GET", this.streamHeaders(lastId), null, {
      onBegun: () => (this.streamFailures = 0),
      onMessage: (bytes) => this.take(bytes),
      onEnd: again,
      // A server that has no such stream says so once; nothing is lost that it would have told.
      onRejected: (status) => (status === 404 && this.handshake.id !== undefined ? this.end() : undefined),
      onFailed: () => {
        this.streamFailures++;
        again();
        this.events.onStreamBroken?.();
      },
    });
    this.stream = stream;
  }

  private take(bytes: Buffer): void {
    const message = readServerMessage(bytes);
    if (message === undefined) return;
    if (message.kind === "response") this.calls.get(message.id)?.take(message);
    else if (message.kind === "request") this.events.onRequest(message);
    else this.events.onNotification(message);
  }

  /** False where there is no call, or more than one. */
  askInOnlyCall(request: ServerRequest): boolean {
    const [only, ...others] = this.calls.values();
    if (only === undefined || others.length > 0) return false;
    only.take(request);
    return true;
  }

  exchange(
    method: "POST" | "GET" | "DELETE",
    headers: readonly string[],
    body: string | Buffer | null,
    events: ExchangeEvents,
  ): MessageExchange {
    const { upstream, messageBytesMax } = this.parts;
    return new MessageExchange({ method, headers, body, messageBytesMax }, events).start(upstream);
  }

  /** Nothing more is asked in it. The server is told, which is a courtesy: it forgets sessions by itself. */
  close(): void {
    if (this.isEnded) return;
    const { id } = this.handshake;
    if (id !== undefined) {
      const nobody = { onMessage: nothing, onEnd: nothing, onRejected: nothing, onFailed: nothing };
      const goodbye = this.exchange("DELETE", this.headers(), null, nobody);
      this.parts.deadlines.watch(5_000, () => goodbye.drop());
    }
    this.end();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearTimeout(this.streamTimer);
    this.stream?.drop();
    this.events.onEnded();
  }
}

class LegacyCall implements UpstreamCall {
  readonly seen = { status: 0, bytes: 0, firstByteMs: 0 };
  private readonly session: LegacySession;
  private readonly parts: LegacyParts;
  private readonly id: number;
  private readonly events: CallEvents;
  private readonly onOver: () => void;
  private exchange: MessageExchange | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(session: LegacySession, parts: LegacyParts, id: number, events: CallEvents, onOver: () => void) {
    this.session = session;
    this.parts = parts;
    this.id = id;
    this.events = events;
    this.onOver = onOver;
  }

  start(body: Buffer): void {
    this.send("POST", this.session.headers(), body, undefined);
  }

  private send(
    method: "POST" | "GET",
    headers: readonly string[],
    body: Buffer | null,
    lastId: string | undefined,
  ): void {
    const bytesBefore = this.seen.bytes;
    const noted = (): void => {
      this.seen.status = exchange.status;
      this.seen.bytes = bytesBefore + exchange.bytes;
      this.seen.firstByteMs ||= exchange.firstByteMs;
    };
    const exchange: MessageExchange = this.session.exchange(method, headers, body, {
      onMessage: (bytes) => {
        noted();
        const message = readServerMessage(bytes);
        if (message !== undefined) this.take(message);
      },
      onEnd: () => this.ended(noted, exchange, lastId),
      onRejected: (status, _headers, bytes) => {
        noted();
        this.rejected(status, bytes);
      },
      onFailed: (error) => {
        noted();
        // What was too large is as large the next time.
        const isFinal = exchange.marks().lastId === undefined || error.code === "upstream.too-large";
        if (isFinal) return this.fail(error, exchange.wasSent());
        this.takeUpAgain(exchange, lastId);
      },
    });
    this.exchange = exchange;
  }

  take(message: ServerMessage): void {
    if (this.isOver) return;
    switch (message.kind) {
      case "notification":
        return this.events.onNotification(message);
      case "request":
        return this.events.onRequest(message);
      case "response":
        // What answers another id is nobody's here.
        if (message.id !== String(this.id)) return;
        this.over();
        return this.events.onResponse(message);
    }
  }

  private ended(noted: () => void, exchange: MessageExchange, lastId: string | undefined): void {
    noted();
    if (this.isOver) return;
    if (exchange.marks().lastId !== undefined || lastId !== undefined) return this.takeUpAgain(exchange, lastId);
    this.fail(new TollgateError("upstream.protocol", "Its answer ended before the result."), true);
  }

  /** The server closed the stream, or it broke: where its events have ids, the rest waits for whoever asks. */
  private takeUpAgain(exchange: MessageExchange, lastId: string | undefined): void {
    const { lastId: newest, retryMs } = exchange.marks();
    const from = newest ?? lastId;
    if (this.isOver || from === undefined) return;
    this.timer = setTimeout(() => {
      this.send("GET", this.session.streamHeaders(from), null, from);
    }, pauseOf(retryMs));
  }

  private rejected(status: number, body: Buffer): void {
    if (this.isOver) return;
    if (status === 404 && this.session.handshake.id !== undefined) {
      this.session.end();
      return this.fail(new TollgateError("upstream.session-lost"), false);
    }
    const message = status < 500 && status !== 401 && status !== 403 ? readServerMessage(body) : undefined;
    if (message?.kind === "response" && message.id === String(this.id)) return this.take(message);
    this.fail(new TollgateError("upstream.protocol", `It answered with status ${status}.`), true);
  }

  fail(error: TollgateError, wasSent = this.exchange?.wasSent() ?? false): void {
    if (this.isOver) return;
    this.over();
    this.exchange?.drop();
    this.events.onFailed(error, wasSent);
  }

  cancel(reason: string): void {
    if (this.isOver) return;
    this.over();
    const params = `{"requestId":${this.id},"reason":${JSON.stringify(reason)}}`;
    // Nobody waits for what becomes of it.
    this.session.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`).catch(nothing);
    this.exchange?.drop();
  }

  pause(): void {
    this.exchange?.pause();
  }

  resume(): void {
    this.exchange?.resume();
  }

  private over(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.onOver();
  }
}

export const postHeaders = [
  "content-type",
  "application/json",
  "accept",
  "application/json, text/event-stream",
] as const;

function firstHeaders({ upstream, upstreams }: LegacyParts): readonly string[] {
  return [...postHeaders, ...upstreams.secretHeaders(upstream)];
}

/** The message that answers a request of the gate's own, within the server's time. */
export function ask(
  { upstream, deadlines, messageBytesMax }: LegacyParts,
  headers: readonly string[],
  id: number,
  method: string,
  params: string,
  meter: (bytes: number) => TollgateError | undefined = () => undefined,
  onStatus: (status: number) => void = nothing,
): Promise<{ message: Buffer; headers: IncomingHttpHeaders }> {
  const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
  return new Promise((resolve, reject) => {
    let head: IncomingHttpHeaders = {};
    const unwatch = deadlines.watch(upstream.timeoutMs, () => exchange.abort(new TollgateError("upstream.timeout")));
    const fail = (error: TollgateError): void => {
      unwatch();
      exchange.drop();
      reject(error);
    };
    const exchange = new MessageExchange(
      { method: "POST", headers, body, messageBytesMax },
      {
        onBegun: (begun) => (head = begun),
        onMessage(bytes) {
          const tooMuch = meter(bytes.length);
          if (tooMuch !== undefined) return fail(tooMuch);
          const message = readServerMessage(bytes);
          if (message?.kind !== "response" || message.id !== String(id)) return;
          unwatch();
          exchange.drop();
          resolve({ message: bytes, headers: head });
        },
        onEnd: () => fail(new TollgateError("upstream.protocol", `It did not answer ${method}.`)),
        onRejected(status, _headers, rejected) {
          onStatus(status);
          const message = readServerMessage(rejected);
          unwatch();
          if (message?.kind === "response" && message.at.error !== undefined && status < 500)
            return resolve({ message: rejected, headers: head });
          fail(new TollgateError("upstream.protocol", `It answered ${method} with status ${status}.`));
        },
        onFailed: fail,
      },
    );
    exchange.start(upstream);
  });
}

const findVersion = memberFinder(["result>protocolVersion"]);

function negotiatedVersion(answer: Buffer): string {
  try {
    const span = findVersion(answer)["result>protocolVersion"];
    const version = span && valueOf(answer, span);
    if (typeof version === "string") return version;
  } catch (error) {
    if (!(error instanceof MemberRefusal)) throw error;
  }
  throw new TollgateError("upstream.protocol", "Its `initialize` names no version.");
}

function pauseOf(retryMs: number | undefined): number {
  return Math.max(retryMsMin, Math.min(retryMs ?? retryMsDefault, retryMsMax));
}

function nothing(): void {
  // Whatever becomes of it changes nothing here.
}
