// The answer to one request, which may turn into a stream: as long as nothing but the result has to be said it is JSON with a
// status; a notification, a question or a long wait make it a stream. Whoever waits longer than this hears that the gate
// is alive.

import type { ServerResponse } from "node:http";
import { answerJson } from "../../http/answer.ts";
import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Together } from "./answering-together.ts";
import type { EventStream } from "./event-stream.ts";

/** Clients give up on what has not begun after a minute; streams cost little. */
const openAfterMs = 5_000;

export class Answering {
  readonly response: ServerResponse;
  readonly requestId: string;
  private readonly makeStream: () => EventStream;
  private readonly together: Together | undefined;
  private stream: EventStream | undefined;
  private unwatch: (() => void) | undefined;
  private isOver = false;

  /** `makeStream` is called when there has to be one. `together`: other requests came in the same body. */
  constructor(response: ServerResponse, requestId: string, makeStream: () => EventStream, together?: Together) {
    this.response = response;
    this.requestId = requestId;
    this.makeStream = makeStream;
    this.together = together;
  }

  /** From now on it may take long. */
  waits(deadlines: Deadlines): void {
    this.unwatch ??= deadlines.watch(openAfterMs, () => this.isOver || this.open());
  }

  open(): EventStream {
    if (this.together !== undefined) return (this.stream ??= this.together.open());
    if (this.stream === undefined) {
      this.stream = this.makeStream();
      if (!this.response.destroyed && !this.response.headersSent) this.stream.connect(this.response, this.requestId);
    }
    return this.stream;
  }

  /** False when the client reads slower than this comes. */
  send(message: Uint8Array): boolean {
    return this.isOver || this.open().send(message);
  }

  onceRead(go: () => void): void {
    if (this.stream === undefined) go();
    else this.stream.onceRead(go);
  }

  finish(message: Buffer | string, status = 200): void {
    if (this.isOver) return;
    this.over();
    if (this.together !== undefined) this.together.done(message);
    else if (this.stream === undefined) answerJson(this.response, this.requestId, status, message);
    else this.stream.end(Buffer.from(message));
  }

  /**
   * Nothing will come: the connection is cut, so that nobody takes it for an end. A stream ends, because who takes it up again
   * would wait for ever.
   */
  break(): void {
    if (this.isOver) return;
    this.over();
    if (this.together !== undefined) this.together.done(undefined);
    else if (this.stream !== undefined) this.stream.end();
    else this.response.destroy();
  }

  private over(): void {
    this.isOver = true;
    this.unwatch?.();
  }
}
