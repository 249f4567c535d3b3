// Reads a stream of server-sent events as it comes, and gives each one's type and data; of data that is too long both ends.
// Event ids and retry times are not used: nothing of HTTP+SSE can be resumed.

import { EventSplitter } from "../bytes/event-splitter.ts";
import type { Oversized } from "./channel.ts";
import { MessageCollector } from "./message-collector.ts";

export class EventReader {
  readonly #splitter: EventSplitter;

  constructor(onEvent: (type: string, data: Buffer | Oversized) => void, bytesMax: number) {
    const data = new MessageCollector(bytesMax);
    this.#splitter = new EventSplitter({
      onData: (chunk, start, end) => data.append(chunk.subarray(start, end)),
      onEnd: (type) => onEvent(type === "" ? "message" : type, data.take()),
    });
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }
}
