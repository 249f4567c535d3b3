// A request whose body goes straight from the parser to whoever reads it, in the turn in which it comes. Node's own way is a
// stream, with an event and two errands of the loop for a body that came with its headers: most of what reading it takes. A
// body that nobody reads is the stream's, as ever.

import { IncomingMessage } from "node:http";

/**
 * Of `end` and `breakOff` it is told one at most, and nothing after it, nor after a no of its own. Of a connection that goes
 * after the answer it is told nothing: nobody waits for the body any more.
 */
export type BodyReader = {
  /** Says whether more is wanted. After a no the connection is read no further. */
  take(chunk: Buffer): boolean;
  end(): void;
  breakOff(): void;
};

export class GateRequest extends IncomingMessage {
  #reader: BodyReader | undefined;
  #isRead = false;
  #hasEnded = false;

  static {
    // Until this is so Node holds the request for the next one's sake. Its types say that it is a property, and refuse a getter.
    Object.defineProperty(this.prototype, "readableEnded", {
      get(this: GateRequest): boolean {
        return this.#hasEnded || Reflect.get(IncomingMessage.prototype, "readableEnded", this) === true;
      },
    });
  }

  /** In the turn of the request, before anything of its body has come. */
  readBy(reader: BodyReader): void {
    if (this.#isRead || this.readableLength > 0 || this.complete || this.destroyed)
      throw new Error("a body is read once, from the turn of its request on");
    this.#isRead = true;
    this.#reader = reader;
    // There is nothing yet. But who asks is not taken for one who leaves the body to be thrown away.
    this.read();
  }

  override push(chunk: Buffer | null): boolean {
    if (!this.#isRead) return super.push(chunk);
    const reader = this.#reader;
    if (reader === undefined) return false;
    // Whatever the reader does about it, to destroy the request for one, it is told of this first.
    this.#reader = undefined;
    if (chunk === null) {
      this.#hasEnded = true;
      reader.end();
      this.emit("end");
      return false;
    }
    if (!reader.take(chunk)) return false;
    if (this.destroyed) reader.breakOff();
    else this.#reader = reader;
    return true;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.breakOff();
    super._destroy(error, done);
  }
}
