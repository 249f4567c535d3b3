// Hides from a client of `chat/completions` that the gate asked for a stream's usage: the chunk that says it is dropped, and
// the member that every other chunk has because of it is cut out. All other bytes stay as they are. The beginning of an event
// waits for its end, up to a size; an event beyond it goes on as it comes. Streams whose client asked are not led through here.

import { carriageReturn, endOfLine, lineFeed } from "../../bytes/line-end.ts";
import { GrowingBytes } from "../../bytes/growing-bytes.ts";
import { withoutUsage } from "./chunk-usage.ts";

const eventBytesMax = 1024 * 1024;
const nothing = Buffer.alloc(0);

export class UnaskedUsage {
  readonly #held = new GrowingBytes();
  #sent: Buffer[] = [];
  #isBeyondBound = false;
  #isLineBegun = false;
  /** A line ended in a carriage return; the other half of its end may follow. */
  #endedInReturn = false;
  /** And with that line an event. */
  #isEventEnding = false;

  /** What of it goes to the client now, together with what waited. */
  push(chunk: Buffer): Buffer {
    let start = 0;
    let at = this.#endedInReturn && chunk[0] === lineFeed ? 1 : 0;
    if (this.#isEventEnding && chunk.length > 0) {
      this.#endEvent(chunk.subarray(0, at));
      start = at;
    }
    if (chunk.length > 0) this.#endedInReturn = this.#isEventEnding = false;
    const hasReturns = chunk.includes(carriageReturn, at);
    while (at < chunk.length) {
      const end = hasReturns ? endOfLine(chunk, at) : chunk.indexOf(lineFeed, at);
      if (end < 0) {
        this.#isLineBegun = true;
        break;
      }
      const isEventOver = end === at && !this.#isLineBegun;
      this.#isLineBegun = false;
      at = end + 1;
      if (chunk[end] === carriageReturn) {
        if (at === chunk.length) {
          this.#endedInReturn = true;
          this.#isEventEnding = isEventOver;
          break;
        }
        if (chunk[at] === lineFeed) at++;
      }
      if (!isEventOver) continue;
      this.#endEvent(start === 0 && at === chunk.length ? chunk : chunk.subarray(start, at));
      start = at;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return this.#taken();
  }

  /** What is left when the stream is over. */
  end(): Buffer {
    this.#endEvent(nothing);
    return this.#taken();
  }

  #endEvent(rest: Buffer): void {
    const sent = this.#isBeyondBound ? rest : withoutUsage(this.#withHeld(rest));
    if (sent !== undefined) this.#sent.push(sent);
    this.#isBeyondBound = false;
  }

  #withHeld(rest: Buffer): Buffer {
    if (this.#held.length === 0) return rest;
    this.#held.append(rest);
    // A copy, because what is sent is read later than what is held next.
    const event = Buffer.from(this.#held.soFar());
    this.#held.clear();
    return event;
  }

  #keep(rest: Buffer): void {
    if (!this.#isBeyondBound && this.#held.length + rest.length <= eventBytesMax) {
      this.#held.append(rest);
      return;
    }
    this.#isBeyondBound = true;
    this.#sent.push(Buffer.from(this.#held.soFar()), rest);
    this.#held.clear();
  }

  #taken(): Buffer {
    const sent = this.#sent;
    if (sent.length === 0) return nothing;
    this.#sent = [];
    return sent.length === 1 ? (sent[0] ?? nothing) : Buffer.concat(sent);
  }
}
