// An event stream to one caller, with a bound on what waits for him: when he reads slower than a server writes, the oldest
// notifications are dropped and counted. What must not be lost (an answer, a question to him) stays; then whoever feeds the
// stream is told that its reader is slow, and stops reading the server until he has caught up or is cut off.

import type { ServerResponse } from "node:http";

type Waiting = { readonly frame: Buffer; readonly isDroppable: boolean };

const before = Buffer.from("event: message\ndata: ");
const behind = Buffer.from("\n\n");

export type EventStreamParts = {
  bytesMax: number;
  onDropped: () => void;
};

export class EventStream {
  readonly response: ServerResponse;
  readonly #parts: EventStreamParts;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isFull = false;
  #isEnding = false;

  /** Headers that are set already go out with it. */
  constructor(response: ServerResponse, parts: EventStreamParts) {
    this.response = response;
    this.#parts = parts;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    response.on("drain", () => {
      this.#isFull = false;
      this.#flush();
    });
  }

  push(message: Buffer, isDroppable: boolean): void {
    if (this.response.destroyed || this.#isEnding) return;
    const frame = Buffer.concat([before, message, behind]);
    this.#waiting.push({ frame, isDroppable });
    this.#waitingBytes += frame.length;
    this.#flush();
    while (this.#waitingBytes > this.#parts.bytesMax && this.#dropOldest()) this.#parts.onDropped();
  }

  /** What may not be lost. */
  relate(message: Buffer): void {
    this.push(message, false);
  }

  end(): void {
    this.#isEnding = true;
    this.#flush();
  }

  #flush(): void {
    while (!this.#isFull && !this.response.destroyed) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingBytes -= next.frame.length;
      this.#isFull = !this.response.write(next.frame);
    }
    if (this.#isEnding && this.#waiting.length === 0) this.response.end();
  }

  #dropOldest(): boolean {
    const at = this.#waiting.findIndex(({ isDroppable }) => isDroppable);
    const [dropped] = at < 0 ? [] : this.#waiting.splice(at, 1);
    this.#waitingBytes -= dropped?.frame.length ?? 0;
    return dropped !== undefined;
  }
}
