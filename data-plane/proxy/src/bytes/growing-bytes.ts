// Bytes that arrive in pieces of any size, in one buffer. A list of pieces would cost a server nothing to blow up: one byte a
// piece is a hundred bytes of objects here. The buffer doubles, so all copying together is linear in what came.

const bytesMin = 1_024;

export class GrowingBytes {
  #buffer = Buffer.alloc(0);
  #length = 0;

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytesMin, this.#buffer.length * 2, needed));
      grown.set(this.soFar(), 0);
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  get length(): number {
    return this.#length;
  }

  /** Not a copy: good until more is appended. */
  soFar(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.#length = 0;
  }
}
