// One request in a session with a legacy server, with all that comes until its one response. A stream that the server closes
// early, or that breaks, is taken up again where its events have ids; what answers may then come on another one.

import { TollgateError } from "@tollgate/kernel/errors";
import { readServerMessage, type ServerMessage } from "../wire/message.ts";
import { channelProblem } from "./ask.ts";
import type { CallEvents, UpstreamCall } from "./call.ts";
import type { ExchangeEvents, MessageExchange } from "./message-exchange.ts";

/** The session that it is made in. */
export type CallHost = {
  readonly sessionId: string | undefined;
  headers(): readonly string[];
  streamHeaders(lastId: string | undefined): string[];
  exchange(
    method: "POST" | "GET",
    headers: readonly string[],
    body: Buffer | null,
    events: ExchangeEvents,
  ): MessageExchange;
  post(message: string): Promise<void>;
  /** The server does not know it any more. */
  end(): void;
};

/** A stream is asked for again after a pause that the server names, within these bounds. */
const retryMsMin = 100;
export const retryMsMax = 30_000;
const retryMsDefault = 1_000;
export class LegacyCall implements UpstreamCall {
  readonly seen = { status: 0, bytes: 0, firstByteMs: 0 };
  private readonly host: CallHost;
  private readonly id: number;
  private readonly events: CallEvents;
  private readonly onOver: () => void;
  private exchange: MessageExchange | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(host: CallHost, id: number, events: CallEvents, onOver: () => void) {
    this.host = host;
    this.id = id;
    this.events = events;
    this.onOver = onOver;
  }

  start(body: Buffer): void {
    this.send("POST", this.host.headers(), body, undefined);
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
    const exchange: MessageExchange = this.host.exchange(method, headers, body, {
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
      this.send("GET", this.host.streamHeaders(from), null, from);
    }, pauseOf(retryMs));
  }

  private rejected(status: number, body: Buffer): void {
    if (this.isOver) return;
    if (status === 404 && this.host.sessionId !== undefined) {
      this.host.end();
      return this.fail(new TollgateError("upstream.session-lost"), false);
    }
    const message = status < 500 && status !== 401 && status !== 403 ? readServerMessage(body) : undefined;
    if (message?.kind === "response" && message.id === String(this.id)) return this.take(message);
    const problem = channelProblem(status, body);
    this.fail(problem ?? new TollgateError("upstream.protocol", `It answered with status ${status}.`), status !== 503);
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
    this.host.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`).catch(nothing);
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

export function pauseOf(retryMs: number | undefined): number {
  return Math.max(retryMsMin, Math.min(retryMs ?? retryMsDefault, retryMsMax));
}

function nothing(): void {
  // Whatever becomes of it changes nothing here.
}
