// Finds, in what a server sends, the message that answers a request of the gate: in a JSON body, or in an event stream, where
// it may come long before the stream ends. Each byte is looked at once, as it comes, however small the pieces are. For the
// gate's own exchanges only: what belongs to a client is relayed unread.

import type { BodyReader } from "../../upstream/exchange.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import { memberFinder, MemberRefusal, textOf } from "./members.ts";

const find = memberFinder(["id", "result", "error"]);

/** Reads the JSON-RPC message that answers `id` (as text in JSON); undefined where there is none. */
export function answerReader(contentType: string, id: string): BodyReader<Buffer | undefined> {
  return contentType.startsWith("text/event-stream") ? new EventReader(id) : new JsonReader(id);
}

class JsonReader implements BodyReader<Buffer | undefined> {
  readonly #id: string;
  readonly #body = new GrowingBytes();

  constructor(id: string) {
    this.#id = id;
  }

  push(chunk: Buffer): boolean {
    this.#body.append(chunk);
    return false;
  }

  answer(): Buffer | undefined {
    const body = this.#body.soFar();
    return isAnswer(body, this.#id) ? body : undefined;
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const dataField = Buffer.from("data:");
const betweenLines = Buffer.from("\n");

class EventReader implements BodyReader<Buffer | undefined> {
  readonly #id: string;
  readonly #line = new GrowingBytes();
  readonly #data = new GrowingBytes();
  #hasData = false;
  #endedInReturn = false;
  #answer: Buffer | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  push(chunk: Buffer): boolean {
    let start = 0;
    for (let at = 0; at < chunk.length && this.#answer === undefined; at++) {
      const byte = chunk[at];
      if (byte !== lineFeed && byte !== carriageReturn) continue;
      // A line feed right behind a carriage return is part of the same end, also where a piece ends between the two.
      const isSecondHalf = byte === lineFeed && at === start && this.#endedInReturn;
      if (!isSecondHalf) this.#endLine(chunk.subarray(start, at));
      this.#endedInReturn = byte === carriageReturn;
      start = at + 1;
    }
    if (start < chunk.length) {
      this.#line.append(chunk.subarray(start));
      this.#endedInReturn = false;
    }
    return this.#answer !== undefined;
  }

  /** A stream may break off behind its last line. */
  answer(): Buffer | undefined {
    if (this.#answer === undefined) {
      this.#endLine(Buffer.alloc(0));
      this.#endEvent();
    }
    return this.#answer;
  }

  #endLine(rest: Buffer): void {
    this.#line.append(rest);
    const line = this.#line.soFar();
    if (line.length === 0) this.#endEvent();
    else if (line.subarray(0, dataField.length).equals(dataField)) {
      if (this.#hasData) this.#data.append(betweenLines);
      this.#hasData = true;
      this.#data.append(line.subarray(dataField.length + (line[dataField.length] === space ? 1 : 0)));
    }
    this.#line.clear();
  }

  #endEvent(): void {
    const data = this.#data.soFar();
    if (data.length > 0 && isAnswer(data, this.#id)) this.#answer = data;
    else this.#data.clear();
    this.#hasData = false;
  }
}

export function isAnswer(message: Buffer, id: string): boolean {
  try {
    const spans = find(message);
    const isOfId = spans.id !== undefined && textOf(message, spans.id.start, spans.id.end) === id;
    return isOfId && (spans.result !== undefined || spans.error !== undefined);
  } catch (error) {
    if (error instanceof MemberRefusal) return false;
    throw error;
  }
}
