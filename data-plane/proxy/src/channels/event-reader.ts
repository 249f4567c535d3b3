// Reads a stream of server-sent events as it comes, and gives each one's type and data. Each byte is looked at once. Event
// ids and retry times are not used: nothing of HTTP+SSE can be resumed.

import type { Oversized } from "./channel.ts";
import { endsOf, MessageCollector } from "./message-collector.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const betweenLines = Buffer.from("\n");
const dataField = Buffer.from("data:");
const typeField = Buffer.from("event:");
const typeBytesMax = 64;

export class EventReader {
  readonly #onEvent: (type: string, data: Buffer | Oversized) => void;
  readonly #line: MessageCollector;
  readonly #data: MessageCollector;
  #hasData = false;
  #oversized: Oversized | undefined;
  #type = "message";
  #endedInReturn = false;

  constructor(onEvent: (type: string, data: Buffer | Oversized) => void, bytesMax: number) {
    this.#onEvent = onEvent;
    this.#line = new MessageCollector(bytesMax + dataField.length + 1);
    this.#data = new MessageCollector(bytesMax);
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte !== lineFeed && byte !== carriageReturn) continue;
      // A line feed right behind a carriage return is part of the same end, also where a piece ends between the two.
      const isSecondHalf = byte === lineFeed && at === start && this.#endedInReturn;
      if (!isSecondHalf) {
        this.#line.append(chunk.subarray(start, at));
        this.#endLine();
      }
      this.#endedInReturn = byte === carriageReturn;
      start = at + 1;
    }
    if (start === chunk.length) return;
    this.#line.append(chunk.subarray(start));
    this.#endedInReturn = false;
  }

  #endLine(): void {
    if (this.#line.isEmpty()) return this.#endEvent();
    const line = this.#line.take();
    if (!Buffer.isBuffer(line)) {
      if (!line.head.startsWith("data:")) return;
      const before = this.#hasData ? endsOf(this.#data.take()) : undefined;
      this.#oversized = { head: before?.head ?? line.head.replace(/^data: ?/, ""), tail: line.tail };
      this.#hasData = true;
    } else if (startsWith(line, dataField)) {
      if (this.#hasData) this.#data.append(betweenLines);
      this.#hasData = true;
      if (this.#oversized !== undefined) this.#oversized = { head: this.#oversized.head, tail: "" };
      this.#data.append(valueOf(line, dataField));
    } else if (startsWith(line, typeField)) {
      this.#type = valueOf(line, typeField).subarray(0, typeBytesMax).toString("utf8");
    }
  }

  #endEvent(): void {
    const data = this.#data.take();
    if (this.#hasData) this.#onEvent(this.#type, this.#oversized ?? data);
    this.#hasData = false;
    this.#oversized = undefined;
    this.#type = "message";
  }
}

function startsWith(line: Buffer, field: Buffer): boolean {
  return line.subarray(0, field.length).equals(field);
}

function valueOf(line: Buffer, field: Buffer): Buffer {
  return line.subarray(field.length + (line[field.length] === space ? 1 : 0));
}
