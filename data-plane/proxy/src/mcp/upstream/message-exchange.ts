// One HTTP exchange with a server, as the messages that come back: one in a JSON body, or as many as an event stream brings.
// A message is given when it is whole, so each is bounded in size; whoever takes messages slower than they come pauses the
// server. What has another status or type than an answer is given as rejected, with its short body.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Controls, Receiver, ResponseHead } from "../../outgoing/outgoing.ts";
import { failureOf } from "../../upstream/failure.ts";
import type { Upstream } from "../../upstream/upstreams.ts";
import { EventReader, type StreamMarks } from "../../bytes/event-reader.ts";
import { GrowingBytes } from "../../bytes/growing-bytes.ts";

export type ExchangeRequest = {
  readonly method: "POST" | "GET" | "DELETE";
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
  readonly messageBytesMax: number;
  /** It stays open for long, and must not take the place of a call. */
  readonly stays?: boolean;
};

export type ExchangeEvents = {
  /** The head of an answer has come. */
  onBegun?(headers: IncomingHttpHeaders): void;
  onMessage(bytes: Buffer): void;
  /** Everything that belongs to the answer was given. */
  onEnd(): void;
  /** It has another status, or another type, than an answer has; nothing was given. */
  onRejected(status: number, headers: IncomingHttpHeaders, body: Buffer): void;
  onFailed(error: TollgateError): void;
};

const rejectedBytesMax = 64 * 1024;

type Phase = "waiting" | "json" | "events" | "rejecting" | "over";

export class MessageExchange implements Receiver {
  /** 0 until the head of an answer has come. */
  status = 0;
  bytes = 0;
  firstByteMs = 0;
  private readonly request: ExchangeRequest;
  private readonly events: ExchangeEvents;
  private phase: Phase = "waiting";
  private controls: Controls | undefined;
  private abortReason: TollgateError | undefined;
  private headers: IncomingHttpHeaders = {};
  private readonly body = new GrowingBytes();
  private reader: EventReader | undefined;

  constructor(request: ExchangeRequest, events: ExchangeEvents) {
    this.request = request;
    this.events = events;
  }

  start({ pool, streams, path }: Upstream): this {
    const { method, headers, body, stays = false } = this.request;
    (method === "GET" || stays ? streams : pool).dispatch({ method, path, headers, body }, this);
    return this;
  }

  /** Ends it with this failure, unless it is over. */
  abort(reason: TollgateError): void {
    if (this.phase === "over" || this.abortReason !== undefined) return;
    this.abortReason = reason;
    if (this.controls === undefined) this.fail(reason);
    else this.controls.abort(reason);
  }

  /** Ends it in silence: nothing more is given. */
  drop(): void {
    if (this.phase === "over") return;
    this.phase = "over";
    this.abortReason = new TollgateError("upstream.unreachable");
    this.controls?.abort(this.abortReason);
  }

  pause(): void {
    this.controls?.pause();
  }

  resume(): void {
    this.controls?.resume();
  }

  /** Whether the server may have seen any of the request. */
  wasSent(): boolean {
    return this.controls !== undefined;
  }

  marks(): StreamMarks {
    return this.reader?.marks() ?? { lastId: undefined, retryMs: undefined };
  }

  onRequestStart(controls: Controls): void {
    if (this.abortReason !== undefined) return controls.abort(this.abortReason);
    this.controls = controls;
  }

  onResponseStart({ status, headers }: ResponseHead): void {
    if (this.phase !== "waiting") return;
    this.status = status;
    this.headers = headers;
    this.firstByteMs = performance.now();
    const type = headers["content-type"] ?? "";
    if (status === 200 && type.startsWith("text/event-stream")) {
      this.phase = "events";
      this.reader = new EventReader(this.request.messageBytesMax, ({ data, type: kind }) => {
        if (this.phase === "events" && (kind === undefined || kind === "message")) this.events.onMessage(data);
      });
    } else this.phase = status === 200 && type.startsWith("application/json") ? "json" : "rejecting";
    if (this.phase !== "rejecting") this.events.onBegun?.(headers);
  }

  onResponseData(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.phase === "events") {
      if (this.reader?.push(chunk) === false) this.tooLarge();
    } else if (this.phase === "json") {
      if (this.body.length + chunk.length > this.request.messageBytesMax) return this.tooLarge();
      this.body.append(chunk);
    } else if (this.phase === "rejecting") {
      if (this.body.length + chunk.length <= rejectedBytesMax) return this.body.append(chunk);
      // What it is about is its status; a long page says no more.
      this.drop();
      this.events.onRejected(this.status, this.headers, Buffer.alloc(0));
    }
  }

  onResponseEnd(): void {
    const { phase } = this;
    if (phase === "over") return;
    if (phase === "events") this.reader?.end();
    this.phase = "over";
    if (phase === "rejecting") return this.events.onRejected(this.status, this.headers, this.body.soFar());
    if (phase === "json") this.events.onMessage(this.body.soFar());
    this.events.onEnd();
  }

  onResponseError(cause: Error): void {
    this.fail(this.abortReason ?? failureOf(cause));
  }

  private tooLarge(): void {
    const { messageBytesMax } = this.request;
    this.abortReason ??= new TollgateError("upstream.too-large", `A message may have ${messageBytesMax} bytes.`);
    this.controls?.abort(this.abortReason);
  }

  private fail(error: TollgateError): void {
    if (this.phase === "over") return;
    this.phase = "over";
    this.events.onFailed(error);
  }
}
