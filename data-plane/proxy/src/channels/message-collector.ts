// One message that arrives in pieces. Up to its limit it is kept; of what is longer only both ends are, because with most
// servers the message's id stands at one of them, and then one call fails instead of all.

import { GrowingBytes } from "../bytes/growing-bytes.ts";
import type { Oversized } from "./channel.ts";

const endBytes = 256;
/** What a long message leaves behind is not kept for the short ones that follow. */
const reusedBytesMax = 1024 * 1024;

export class MessageCollector {
  readonly #bytesMax: number;
  #bytes = new GrowingBytes();
  #length = 0;
  #ends: { head: Buffer; tail: Buffer } | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  append(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#ends === undefined && this.#length <= this.#bytesMax) return this.#bytes.append(piece);
    const before = this.#ends?.tail ?? this.#bytes.soFar();
    const tail = Buffer.concat([before.subarray(-endBytes), piece.subarray(-endBytes)]).subarray(-endBytes);
    const head = this.#ends?.head ?? Buffer.concat([before.subarray(0, endBytes), piece.subarray(0, endBytes)]);
    this.#ends = { head, tail };
    this.#bytes = new GrowingBytes();
  }

  isEmpty(): boolean {
    return this.#length === 0;
  }

  /** A copy; then it begins anew. */
  take(): Buffer | Oversized {
    const taken = this.#ends === undefined ? Buffer.from(this.#bytes.soFar()) : asTexts(this.#ends);
    if (this.#length > reusedBytesMax) this.#bytes = new GrowingBytes();
    else this.#bytes.clear();
    this.#length = 0;
    this.#ends = undefined;
    return taken;
  }
}

export function endsOf(message: Buffer | Oversized): Oversized {
  return Buffer.isBuffer(message) ? asTexts({ head: message, tail: message.subarray(-endBytes) }) : message;
}

function asTexts({ head, tail }: { head: Buffer; tail: Buffer }): Oversized {
  return { head: head.subarray(0, endBytes).toString("latin1"), tail: tail.toString("latin1") };
}
