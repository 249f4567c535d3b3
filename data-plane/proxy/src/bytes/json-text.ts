// Where a text in JSON ends, or something in it that the caller has to look at. Almost all bytes of a large message stand in
// its texts, so here is the loop that sees each of them; what is long goes through a window (text-window.ts), which takes half
// as long. It decides nothing about names or values.

import { TextWindow } from "./text-window.ts";

const quote = 0x22;
const backslash = 0x5c;

/** By byte: 1 where it may stand in a text as it is. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== quote && byte !== backslash ? 1 : 0,
);

/** By byte: 1 where it may stand behind a backslash, and nothing has to follow. */
const isEscapable = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** To make a window takes as long as to look at some hundred bytes, and to ask it as long as to look at some twenty. */
const windowFromBytes = 1_024;

/** Through what the texts of a large message are read; undefined where that is not worth it. */
export function windowOf(bytes: Uint8Array, start: number, end: number): TextWindow | undefined {
  return end - start < windowFromBytes ? undefined : new TextWindow(bytes, end);
}

/** The first byte from `start` on that is neither plain nor of a short escape: the quote, unless something is wrong or `\\u`. */
export function endOfPlain(bytes: Uint8Array, window: TextWindow | undefined, start: number, end: number): number {
  let at = start;
  for (;;) {
    // Here, and not before the loops: with nothing between their beginnings the engine makes one loop of them, half as fast.
    if (window !== undefined) at = window.endOfPlain(at);
    // `as`: to ask for a byte that may not be there takes twice as long.
    while (at < end && isPlain[bytes[at] as number] === 1) at++;
    if (at >= end) return at;
    if (bytes[at] !== backslash || at + 1 >= end || isEscapable[bytes[at + 1] as number] !== 1) return at;
    at += 2;
  }
}
