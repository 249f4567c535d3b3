// One request to a provider with one credential: its head, its bytes as they come, and its one end. It keeps the time to the
// first byte and between two of them, and not that of a reader who is slower than the provider. It knows nothing of what the
// bytes mean, and sends nothing twice.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Controls, Receiver, ResponseHead } from "../outgoing/outgoing.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import { failureOf } from "../upstream/failure.ts";
import type { OpenProvider } from "./providers.ts";

export type AttemptRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
};

export type AttemptEvents = {
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** There will be no end. */
  onFailed(error: TollgateError): void;
};

/** What is left of an answer that nobody wants is read so far, to keep its connection. */
const discardedBytesMax = 64 * 1024;

export class Attempt implements Receiver {
  private readonly events: AttemptEvents;
  private readonly timeoutMs: number;
  private readonly deadlines: Deadlines;
  private phase: "waiting" | "answering" | "discarding" | "over" = "waiting";
  private controls: Controls | undefined;
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
    pool.dispatch({ method, path: basePath + path, headers, body: body ?? null }, this);
    return this;
  }

  /**
   * Whether the provider may have all of the request. A small one counts as sent as soon as the socket took it: how much of
   * that went out before a connection broke nobody says.
   */
  wasSent(): boolean {
    return this.isSent;
  }

  /** Ends it in silence: nothing more is given, and the provider sees its client go. */
  drop(): void {
    if (this.phase === "over") return;
    this.over();
    this.abortReason = new TollgateError("upstream.unreachable");
    this.controls?.abort(this.abortReason);
  }

  /** Nothing more is given; a short rest is read. */
  discard(): void {
    if (this.phase === "answering") this.phase = "discarding";
  }

  pause(): void {
    this.isPaused = true;
    this.controls?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.lastByteMs = performance.now();
    this.controls?.resume();
  }

  onRequestStart(controls: Controls): void {
    if (this.abortReason !== undefined) return controls.abort(this.abortReason);
    this.controls = controls;
  }

  onRequestSent(): void {
    this.isSent = true;
  }

  onResponseStart(head: ResponseHead): void {
    if (this.phase !== "waiting") return;
    this.phase = "answering";
    this.isSent = true;
    this.lastByteMs = performance.now();
    this.events.onHead(head);
  }

  onResponseData(chunk: Buffer): void {
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

  onResponseError(cause: Error): void {
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
    this.controls?.abort(error);
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
