// Reads a stream of server-sent events. It takes pieces of any size and gives each event's data once, whatever the line
// ends; it holds one event at most, up to a size.

import { carriageReturn, lineFeed } from "./line-end.ts";
import { GrowingBytes } from "./growing-bytes.ts";

const space = 0x20;
const dataField = Buffer.from("data:");
const eventField = Buffer.from("event:");
const idField = Buffer.from("id:");
/** Others could not be said in a header, which is how a stream is taken up again: they are none. */
const idForm = /^[\x20-\x7e]{0,4096}$/;
const retryField = Buffer.from("retry:");
const betweenLines = Buffer.from("\n");

export type ServerEvent = {
  readonly data: Buffer;
  readonly type: string | undefined;
};

export type StreamMarks = {
  /** The id of the last event that had one, from where the stream can be taken up again. */
  readonly lastId: string | undefined;
  readonly retryMs: number | undefined;
};

export class EventReader {
  private readonly onEvent: (event: ServerEvent) => void;
  private readonly eventBytesMax: number;
  private readonly line = new GrowingBytes();
  private readonly data = new GrowingBytes();
  private hasData = false;
  private type: string | undefined;
  private endedInReturn = false;
  private lastId: string | undefined;
  /** Of the event that is being read: what was not brought must not be named. */
  private id: string | undefined;
  private retryMs: number | undefined;

  constructor(eventBytesMax: number, onEvent: (event: ServerEvent) => void) {
    this.eventBytesMax = eventBytesMax;
    this.onEvent = onEvent;
  }

  /** False when an event is larger than it may be. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte !== lineFeed && byte !== carriageReturn) continue;
      // A line feed right behind a carriage return is part of the same end, also where a piece ends between the two.
      const isSecondHalf = byte === lineFeed && at === start && this.endedInReturn;
      if (!isSecondHalf) this.endLine(chunk.subarray(start, at));
      this.endedInReturn = byte === carriageReturn;
      start = at + 1;
    }
    if (start < chunk.length) {
      this.line.append(chunk.subarray(start));
      this.endedInReturn = false;
    }
    return this.line.length + this.data.length <= this.eventBytesMax;
  }

  /** A stream may break off behind its last line. */
  end(): void {
    this.endLine(Buffer.alloc(0));
    this.endEvent();
  }

  marks(): StreamMarks {
    return { lastId: this.lastId, retryMs: this.retryMs };
  }

  private endLine(rest: Buffer): void {
    if (this.line.length === 0) this.take(rest);
    else {
      this.line.append(rest);
      this.take(this.line.soFar());
      this.line.clear();
    }
  }

  private take(line: Buffer): void {
    if (line.length === 0) return this.endEvent();
    const data = valueIn(line, dataField);
    if (data !== undefined) {
      if (this.hasData) this.data.append(betweenLines);
      this.hasData = true;
      this.data.append(data);
      return;
    }
    const type = valueIn(line, eventField);
    if (type !== undefined) this.type = type.toString("utf8");
    const id = valueIn(line, idField)?.toString("utf8");
    if (id !== undefined && idForm.test(id)) this.id = id;
    const retry = valueIn(line, retryField)?.toString("utf8");
    if (retry !== undefined && /^\d{1,9}$/.test(retry)) this.retryMs = Number(retry);
  }

  private endEvent(): void {
    const { type, hasData } = this;
    this.type = undefined;
    this.hasData = false;
    this.lastId = this.id ?? this.lastId;
    this.id = undefined;
    const data = this.data.soFar();
    if (!hasData || data.length === 0) return this.data.clear();
    // A copy: what is read next is written over it.
    const event = { data: Buffer.from(data), type };
    this.data.clear();
    this.onEvent(event);
  }
}

function valueIn(line: Buffer, field: Buffer): Buffer | undefined {
  if (line.length < field.length || !line.subarray(0, field.length).equals(field)) return undefined;
  return line.subarray(field.length + (line[field.length] === space ? 1 : 0));
}
