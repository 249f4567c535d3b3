// Takes a stream of server-sent events apart as it goes by, without holding it: the data of each event comes in the pieces in
// which it stands in the chunks. So an event may be of any size. An event's type is told with its data where it stands before
// it, as everybody writes it; of ids and times to wait nothing is told.

import { carriageReturn, endOfLine, lineFeed } from "./line-end.ts";

const space = 0x20;
const dataField = Buffer.from("data:");
const typeField = Buffer.from("event:");
const lineBreak = Buffer.from("\n");
const typeBytesMax = 64;

export type EventPieces = {
  /** A piece is good until the call is over. The type is empty where none was said. */
  onData(chunk: Buffer, start: number, end: number, type: string): void;
  /** Of an event that had data. */
  onEnd(type: string): void;
};

/** Where in a line the next byte stands; "field" is its head, up to the colon. */
type Place = "field" | "data-begins" | "data" | "type" | "rest";

export class EventSplitter {
  readonly #events: EventPieces;
  #place: Place = "field";
  /** A field's name or a type that was cut. */
  readonly #head = Buffer.alloc(typeBytesMax);
  #headBytes = 0;
  #type = "";
  #lastType = Buffer.alloc(0);
  #lastTypeText = "";
  #hasData = false;
  #endedInReturn = false;

  constructor(events: EventPieces) {
    this.#events = events;
  }

  push(chunk: Buffer): void {
    const hasReturns = chunk.includes(carriageReturn);
    let at = 0;
    if (this.#endedInReturn && chunk.length > 0) {
      // The second half of a line's end.
      if (chunk[0] === lineFeed) at = 1;
      this.#endedInReturn = false;
    }
    while (at < chunk.length) {
      const end = hasReturns ? endOfLine(chunk, at) : chunk.indexOf(lineFeed, at);
      if (end < 0) return this.#take(chunk, at, chunk.length, false);
      this.#take(chunk, at, end, true);
      at = end + 1;
      if (chunk[end] !== carriageReturn) continue;
      if (at === chunk.length) this.#endedInReturn = true;
      else if (chunk[at] === lineFeed) at++;
    }
  }

  /** A stream may break off behind its last line. */
  end(): void {
    this.#take(lineBreak, 0, 0, true);
    this.#endEvent();
  }

  #take(chunk: Buffer, start: number, end: number, isLineEnded: boolean): void {
    let at = start;
    if (this.#place === "field") {
      if (isLineEnded && at === end && this.#headBytes === 0) return this.#endEvent();
      at = this.#field(chunk, at, end, isLineEnded);
    }
    if (this.#place === "data-begins" && at < end) {
      if (chunk[at] === space) at++;
      this.#place = "data";
    }
    if (this.#place === "data" && at < end) this.#events.onData(chunk, at, end, this.#type);
    else if (this.#place === "type") this.#takeType(chunk, at, end, isLineEnded);
    if (!isLineEnded) return;
    this.#place = "field";
    this.#headBytes = 0;
  }

  /** Finds out what the line holds; where that needs more than there is, what is there is kept. */
  #field(chunk: Buffer, start: number, end: number, isLineEnded: boolean): number {
    if (this.#headBytes === 0) {
      if (begins(chunk, start, end, dataField)) return this.#begin("data-begins", start + dataField.length);
      if (begins(chunk, start, end, typeField)) return this.#begin("type", start + typeField.length);
    }
    let at = start;
    while (at < end && this.#headBytes < typeField.length) {
      this.#head[this.#headBytes++] = chunk[at++] ?? 0;
      if (begins(this.#head, 0, this.#headBytes, dataField)) return this.#begin("data-begins", at);
    }
    if (begins(this.#head, 0, this.#headBytes, typeField)) return this.#begin("type", at);
    if (this.#headBytes === typeField.length || isLineEnded) return this.#begin("rest", end);
    return at;
  }

  #begin(place: Place, at: number): number {
    this.#place = place;
    this.#headBytes = 0;
    if (place !== "data-begins") return at;
    // Of several lines of data the break between them is a part, and no token of JSON goes over it.
    if (this.#hasData) this.#events.onData(lineBreak, 0, 1, this.#type);
    this.#hasData = true;
    return at;
  }

  #takeType(chunk: Buffer, start: number, end: number, isLineEnded: boolean): void {
    if (isLineEnded && this.#headBytes === 0) return this.#setType(chunk, start, end);
    for (let at = start; at < end && this.#headBytes < typeBytesMax; at++)
      this.#head[this.#headBytes++] = chunk[at] ?? 0;
    if (isLineEnded) this.#setType(this.#head, 0, this.#headBytes);
  }

  #setType(bytes: Buffer, start: number, end: number): void {
    const from = bytes[start] === space ? start + 1 : start;
    const length = Math.min(end - from, typeBytesMax - 1);
    const last = this.#lastType;
    // Nearly all events of a stream are of one type: its text is not made anew.
    if (length !== last.length || !begins(bytes, from, from + length, last)) {
      this.#lastType = Buffer.from(bytes.subarray(from, from + length));
      this.#lastTypeText = this.#lastType.toString("latin1");
    }
    this.#type = this.#lastTypeText;
  }

  #endEvent(): void {
    const type = this.#type;
    this.#type = "";
    if (!this.#hasData) return;
    this.#hasData = false;
    this.#events.onEnd(type);
  }
}

function begins(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start < name.length) return false;
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name[at]) return false;
  return true;
}
