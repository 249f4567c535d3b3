// One HTTP exchange with a server, as the messages that come back: one in a JSON body, or as many as an event stream brings.
// A message is given when it is whole, so each is bounded in size; whoever takes messages slower than they come pauses the
// server. What has another status or type than an answer is given as rejected, with its short body.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Dispatcher } from "undici";
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

export class MessageExchange implements Dispatcher.DispatchHandler {
  /** 0 until the head of an answer has come. */
  status = 0;
  bytes = 0;
  firstByteMs = 0;
  private readonly request: ExchangeRequest;
  private readonly events: ExchangeEvents;
  private phase: Phase = "waiting";
  private controller: Dispatcher.DispatchController | undefined;
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
    try {
      // undici reads the headers and declares them mutable.
      (method === "GET" || stays ? streams : pool).dispatch({ method, path, headers: headers as string[], body }, this);
    } catch (error) {
      this.phase = "over";
      this.events.onFailed(failureOf(error));
    }
    return this;
  }

  /** Ends it with this failure, unless it is over. */
  abort(reason: TollgateError): void {
    if (this.phase === "over" || this.abortReason !== undefined) return;
    this.abortReason = reason;
    if (this.controller === undefined) this.fail(reason);
    else this.controller.abort(reason);
  }

  /** Ends it in silence: nothing more is given. */
  drop(): void {
    if (this.phase === "over") return;
    this.phase = "over";
    this.abortReason = new TollgateError("upstream.unreachable");
    this.controller?.abort(this.abortReason);
  }

  pause(): void {
    this.controller?.pause();
  }

  resume(): void {
    this.controller?.resume();
  }

  /** Whether the server may have seen any of the request. */
  wasSent(): boolean {
    return this.controller !== undefined;
  }

  marks(): StreamMarks {
    return this.reader?.marks() ?? { lastId: undefined, retryMs: undefined };
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.abortReason !== undefined) return controller.abort(this.abortReason);
    this.controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.phase !== "waiting") return;
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

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.phase === "events") {
      if (this.reader?.push(chunk) === false) this.tooLarge(controller);
    } else if (this.phase === "json") {
      if (this.body.soFar().length + chunk.length > this.request.messageBytesMax) return this.tooLarge(controller);
      this.body.append(chunk);
    } else if (this.phase === "rejecting") {
      if (this.body.soFar().length + chunk.length <= rejectedBytesMax) return this.body.append(chunk);
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

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.fail(this.abortReason ?? failureOf(cause));
  }

  private tooLarge(controller: Dispatcher.DispatchController): void {
    const { messageBytesMax } = this.request;
    this.abortReason ??= new TollgateError("upstream.too-large", `A message may have ${messageBytesMax} bytes.`);
    controller.abort(this.abortReason);
  }

  private fail(error: TollgateError): void {
    if (this.phase === "over") return;
    this.phase = "over";
    this.events.onFailed(error);
  }
}
