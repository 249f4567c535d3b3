// Where texts of a large message end, as `json-text.ts` says, but sixteen bytes at a time, by instructions that JavaScript does
// not have. They see a memory of their own and nothing else, so the message passes through it in windows (ADR 0034). There is
// one memory for all: whoever finds another's bytes in it puts its own back.

import { endOfPlain, memory } from "./gen/plain-text.ts";

/** A window grows while it is read on, so that who reads little, or takes turns with another, copies little. */
const firstSize = 1_024;
const lastSize = 65_536;

const inside = new Uint8Array(memory.buffer);

export class TextWindow {
  /** How often it was filled. By a number and not by its owner: that would keep a whole message until the next one is read. */
  static #fills = 0;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #from = 0;
  #to = 0;
  #fill = -1;
  #size = firstSize;

  /** The bytes up to `end`, which stay what they are for as long as it is used. It is asked from front to back. */
  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes;
    this.#end = end;
  }

  endOfPlain(start: number): number {
    let at = start;
    for (;;) {
      if (!this.#isFilled() || at >= this.#to) this.#load(at);
      at = this.#from + endOfPlain(at - this.#from);
      // In the last place there may be a backslash without what it escapes.
      if (at + 1 < this.#to || this.#to === this.#end) return at;
      this.#load(at);
    }
  }

  /** With these bytes: nobody has put in others since. */
  #isFilled(): boolean {
    return this.#fill === TextWindow.#fills;
  }

  #load(at: number): void {
    this.#size = this.#isFilled() ? Math.min(this.#size * 2, lastSize) : firstSize;
    this.#fill = ++TextWindow.#fills;
    this.#from = at;
    this.#to = Math.min(at + this.#size, this.#end);
    inside.set(this.#bytes.subarray(at, this.#to));
    inside[this.#to - at] = 0;
  }
}
