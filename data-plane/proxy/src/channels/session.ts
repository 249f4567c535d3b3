// What a channel host keeps of one session of a caller: its id, the calls under way in it, and the streams on which it hears
// what belongs to no call. It sends nothing by itself. A session without calls and streams ages, and is forgotten in the end.

import { randomUUID } from "node:crypto";
import type { EventStream } from "./event-stream.ts";
import type { Router } from "./router.ts";

export class Session {
  readonly id = randomUUID();
  readonly router: Router;
  readonly streams = new Set<EventStream>();
  calls = 0;
  #usedMs: number;
  readonly #nowMs: () => number;

  constructor(router: Router, nowMs: () => number) {
    this.router = router;
    this.#nowMs = nowMs;
    this.#usedMs = nowMs();
  }

  touch(): void {
    this.#usedMs = this.#nowMs();
  }

  /** 0 while anything is under way. */
  idleMs(): number {
    return this.calls > 0 || this.streams.size > 0 ? 0 : this.#nowMs() - this.#usedMs;
  }

  /** False where nobody listens. */
  tell(message: Buffer): boolean {
    for (const stream of this.streams) stream.push(message, true);
    return this.streams.size > 0;
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
