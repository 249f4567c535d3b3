// Cuts what a program writes into lines, in whatever pieces it comes. Each byte is looked at once; empty lines are nothing.

import { carriageReturn, lineFeed } from "../bytes/line-end.ts";
import type { ChannelEvents } from "./channel.ts";
import { MessageCollector } from "./message-collector.ts";

export class LineReader {
  readonly #events: Pick<ChannelEvents, "onMessage" | "onOversized">;
  readonly #line: MessageCollector;

  constructor(events: Pick<ChannelEvents, "onMessage" | "onOversized">, bytesMax: number) {
    this.#events = events;
    this.#line = new MessageCollector(bytesMax);
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#line.append(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#line.append(chunk.subarray(start));
  }

  /** A program may end without a last line feed. */
  end(): void {
    this.#endLine();
  }

  #endLine(): void {
    if (this.#line.isEmpty()) return;
    const line = this.#line.take();
    if (!Buffer.isBuffer(line)) return this.#events.onOversized(line);
    const message = line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
    if (message.length > 0) this.#events.onMessage(message);
  }
}
