// One request to a provider with one credential: its head, its bytes as they come, and its one end. It keeps the time to the
// first byte and between two of them, and not that of a reader who is slower than the provider. It knows nothing of what the
// bytes mean, and sends nothing twice.

import type { IncomingHttpHeaders } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Dispatcher } from "undici";
import type { Deadlines } from "../upstream/deadlines.ts";
import { failureOf } from "../upstream/failure.ts";
import type { OpenProvider } from "./providers.ts";
import type { SentBody } from "./sent-body.ts";

export type AttemptRequest = {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: SentBody;
};

export type AttemptHead = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly (Buffer | string)[];
};

export type AttemptEvents = {
  onHead(head: AttemptHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** There will be no end. */
  onFailed(error: TollgateError): void;
};

/** What is left of an answer that nobody wants is read so far, to keep its connection. */
const discardedBytesMax = 64 * 1024;

export class Attempt implements Dispatcher.DispatchHandler {
  private readonly events: AttemptEvents;
  private readonly timeoutMs: number;
  private readonly deadlines: Deadlines;
  private phase: "waiting" | "answering" | "discarding" | "over" = "waiting";
  private controller: Dispatcher.DispatchController | undefined;
  private abortReason: TollgateError | undefined;
  private unwatch: () => void = () => undefined;
  private lastByteMs = performance.now();
  private isPaused = false;
  private isSent = false;
  private discarded = 0;

  constructor(deadlines: Deadlines, timeoutMs: number, events: AttemptEvents) {
    this.deadlines = deadlines;
    this.timeoutMs = timeoutMs;
    this.events = events;
  }

  start(
    { pool, basePath }: Pick<OpenProvider, "pool" | "basePath">,
    { method, path, headers, body }: AttemptRequest,
  ): this {
    this.watch(this.timeoutMs);
    try {
      // undici reads the headers and declares them mutable; it takes bodies that are iterated, and does not declare it.
      const sent = { headers: headers as string[], body: (body ?? null) as Buffer | null };
      pool.dispatch({ method, path: basePath + path, ...sent }, this);
    } catch (error) {
      this.fail(failureOf(error));
    }
    return this;
  }

  /**
   * Whether the provider may have all of the request. What one buffer holds counts as sent as soon as the socket took it: how
   * much of that went out before a connection broke nobody says.
   */
  wasSent(): boolean {
    return this.isSent;
  }

  /** Ends it in silence: nothing more is given, and the provider sees its client go. */
  drop(): void {
    if (this.phase === "over") return;
    this.over();
    this.abortReason = new TollgateError("upstream.unreachable");
    this.controller?.abort(this.abortReason);
  }

  /** Nothing more is given; a short rest is read. */
  discard(): void {
    if (this.phase === "answering") this.phase = "discarding";
  }

  pause(): void {
    this.isPaused = true;
    this.controller?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.lastByteMs = performance.now();
    this.controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.abortReason !== undefined) return controller.abort(this.abortReason);
    this.controller = controller;
  }

  onRequestSent(): void {
    this.isSent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.phase !== "waiting") return;
    this.phase = "answering";
    this.isSent = true;
    this.lastByteMs = performance.now();
    const { rawHeaders } = controller;
    this.events.onHead({ status, headers, rawHeaders: Array.isArray(rawHeaders) ? rawHeaders : [] });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.lastByteMs = performance.now();
    if (this.phase === "answering") return this.events.onData(chunk);
    this.discarded += chunk.length;
    if (this.phase === "discarding" && this.discarded > discardedBytesMax) this.drop();
  }

  onResponseEnd(): void {
    const isWanted = this.phase === "answering";
    this.over();
    if (isWanted) this.events.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.fail(this.abortReason ?? failureOf(cause));
  }

  private watch(afterMs: number): void {
    this.unwatch = this.deadlines.watch(afterMs, () => this.look());
  }

  private look(): void {
    const quietMs = this.isPaused ? 0 : performance.now() - this.lastByteMs;
    if (quietMs < this.timeoutMs) return this.watch(this.timeoutMs - quietMs);
    if (this.phase === "discarding") return this.drop();
    const error = new TollgateError("upstream.timeout");
    this.abortReason = error;
    this.fail(error);
    this.controller?.abort(error);
  }

  private fail(error: TollgateError): void {
    const isWanted = this.phase === "waiting" || this.phase === "answering";
    this.over();
    if (isWanted) this.events.onFailed(error);
  }

  private over(): void {
    this.phase = "over";
    this.unwatch();
  }
}
