// A session with a server of the legacy era over Streamable HTTP: the handshake, calls with what the server says and asks in
// the middle of them, answers to what it asks, and the stream on which it says what belongs to no call. A call whose stream
// the server closes early is taken up again where the server lets it. It ends for everybody when the server forgets it.

import { TollgateError } from "@tollgate/kernel/errors";
import { memberFinder, MemberRefusal, valueOf } from "../../bytes/members.ts";
import { readError, readServerMessage, type ServerNotification, type ServerRequest } from "../wire/message.ts";
import { ask, postHeaders, type AskParts } from "./ask.ts";
import { nextId, type CallEvents, type UpstreamCall } from "./call.ts";
import { TextTable } from "../../text-table.ts";
import { LegacyCall, pauseOf, retryMsMax, type CallHost } from "./legacy-call.ts";
import { MessageExchange, type ExchangeEvents } from "./message-exchange.ts";

export const legacyVersion = "2025-11-25";

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

/** How long a session's first call waits for the stream: a server may send no head before it has something to say. */
const streamHeadMsMax = 250;

export class LegacySession implements CallHost {
  readonly handshake: Handshake;
  private readonly parts: AskParts;
  private readonly events: SessionEvents;
  private readonly calls = new TextTable<LegacyCall>();
  private stream: MessageExchange | undefined;
  private streamTimer: NodeJS.Timeout | undefined;
  private streamIsWanted = false;
  /** In a row. */
  private streamFailures = 0;
  private isEnded = false;
  private lines: { secrets: readonly string[]; lines: readonly string[] } | undefined;

  private constructor(parts: AskParts, handshake: Handshake, events: SessionEvents) {
    this.parts = parts;
    this.handshake = handshake;
    this.events = events;
  }

  /** `declared` is the JSON of the capabilities that the gate can serve in this session. */
  static async open(
    parts: AskParts,
    { declared, clientInfo, events }: { declared: string; clientInfo: string; events: SessionEvents },
  ): Promise<LegacySession> {
    const params = `{"protocolVersion":"${legacyVersion}","capabilities":${declared},"clientInfo":${clientInfo}}`;
    const id = nextId();
    const { message, headers } = await ask(parts, firstHeaders(parts), id, "initialize", params);
    const refused = refusalIn(message);
    if (refused !== undefined) throw new TollgateError("upstream.protocol", `It refused the handshake: ${refused}`);
    const sessionId = headers["mcp-session-id"];
    const handshake = {
      id: typeof sessionId === "string" ? sessionId : undefined,
      version: negotiatedVersion(message),
      answer: message,
    };
    const session = new LegacySession(parts, handshake, events);
    await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    return session;
  }

  get sessionId(): string | undefined {
    return this.handshake.id;
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
    const call = new LegacyCall(this, id, events, () => this.calls.delete(String(id)));
    this.calls.set(String(id), call);
    call.start(body);
    return call;
  }

  /** Asks where the call is answered that is under way; false where it is not one alone, as nobody could say which is meant. */
  askInCall(request: ServerRequest): boolean {
    const [only, ...others] = this.calls.values();
    if (only === undefined || others.length > 0) return false;
    only.take(request);
    return true;
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
    const { message } = await ask(this.parts, this.headers(), nextId(), method, params, meter, (status) => {
      if (status === 404 && this.handshake.id !== undefined) this.end();
    });
    return message;
  }

  /**
   * What belongs to no call is heard from now on, as long as the session lasts. Resolves once the server has the stream, or
   * has said that there is none, or takes its time.
   */
  openStream(): Promise<void> {
    if (this.streamIsWanted) return Promise.resolve();
    this.streamIsWanted = true;
    return new Promise((resolve) => {
      const unwatch = this.parts.deadlines.watch(streamHeadMsMax, resolve);
      this.listen(undefined, () => {
        unwatch();
        resolve();
      });
    });
  }

  private listen(lastId: string | undefined, onKnown: () => void = nothing): void {
    if (this.isEnded) return onKnown();
    const again = (): void => {
      const { lastId: newest, retryMs } = stream.marks();
      const pauseMs = Math.min(pauseOf(retryMs) * 2 ** this.streamFailures, retryMsMax);
      this.streamTimer = setTimeout(() => this.listen(newest ?? lastId), pauseMs);
      this.streamTimer.unref();
    };
    const stream = this.exchange("GET", this.streamHeaders(lastId), null, {
      onBegun: () => {
        this.streamFailures = 0;
        onKnown();
      },
      onMessage: (bytes) => this.take(bytes),
      onEnd: again,
      // A server that has no such stream says so once; nothing is lost that it would have told. One in trouble is asked again.
      onRejected: (status) => {
        onKnown();
        if (status === 404 && this.handshake.id !== undefined) return this.end();
        if (!isPassing(status)) return;
        this.streamFailures++;
        again();
      },
      onFailed: () => {
        this.streamFailures++;
        onKnown();
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

function firstHeaders({ upstream, upstreams }: AskParts): readonly string[] {
  return [...postHeaders, ...upstreams.secretHeaders(upstream)];
}

const wordsMax = 200;

/** Why the server wants no session, in its own words. */
function refusalIn(answer: Buffer): string | undefined {
  try {
    const error = readError(answer);
    return error && `${error.message.slice(0, wordsMax).toWellFormed()} (${error.code})`;
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
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

/** Whether a status says only that it is not now. */
function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

function nothing(): void {
  // Whatever becomes of it changes nothing here.
}
