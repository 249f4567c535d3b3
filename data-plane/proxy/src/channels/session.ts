// What a channel host keeps of one session of a caller: its id, the calls under way in it, and the streams on which it hears
// what belongs to no call. It sends nothing by itself. A session without calls and streams ages, and is forgotten in the end.

import { randomUUID } from "node:crypto";
import type { EventStream } from "./event-stream.ts";
import type { ChannelLimits } from "./limits.ts";
import type { Router } from "./router.ts";

export type SessionParts = {
  router: Router;
  nowMs: () => number;
  limits: Pick<ChannelLimits, "unheardMessagesMax" | "unheardBytesMax">;
  /** A message that nobody will hear. */
  onDropped: () => void;
};

export class Session {
  readonly id = randomUUID();
  readonly router: Router;
  readonly streams = new Set<EventStream>();
  calls = 0;
  readonly #parts: SessionParts;
  #usedMs: number;
  #unheard: Buffer[] = [];
  #unheardBytes = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.router = parts.router;
    this.#usedMs = parts.nowMs();
  }

  touch(): void {
    this.#usedMs = this.#parts.nowMs();
  }

  /** 0 while anything is under way. */
  idleMs(): number {
    return this.calls > 0 || this.streams.size > 0 ? 0 : this.#parts.nowMs() - this.#usedMs;
  }

  /** To every stream; where there is none, to the next one. */
  tell(message: Buffer): void {
    for (const stream of this.streams) stream.push(message, true);
    if (this.streams.size > 0) return;
    this.#unheard.push(message);
    this.#unheardBytes += message.length;
    const { limits, onDropped } = this.#parts;
    while (this.#unheard.length > limits.unheardMessagesMax || this.#unheardBytes > limits.unheardBytesMax) {
      this.#unheardBytes -= this.#unheard.shift()?.length ?? 0;
      onDropped();
    }
  }

  /** It hears from now on what belongs to no call, and before that what nobody heard. */
  addStream(stream: EventStream): void {
    this.streams.add(stream);
    for (const message of this.#unheard) stream.push(message, true);
    [this.#unheard, this.#unheardBytes] = [[], 0];
  }

  /** The stream that was opened last. */
  newestStream(): EventStream | undefined {
    return [...this.streams].at(-1);
  }

  endStreams(): void {
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }
}
