// A request whose body goes straight from the parser to whoever reads it, in the turn in which it comes. Node's own way is a
// stream, with an event and two errands of the loop for a body that came with its headers: most of what reading it takes. A
// body that nobody reads is the stream's, as ever.

import { IncomingMessage } from "node:http";

export type BodyReader = {
  /** Says whether more is wanted; after a no, nothing more is read from the connection. */
  take(chunk: Buffer): boolean;
  end(): void;
  /** The connection is gone before the end. */
  breakOff(): void;
};

export class GateRequest extends IncomingMessage {
  #reader: BodyReader | undefined;
  #isRead = false;

  static {
    // Node keeps a request for the next one's sake until its stream has ended. A property to the types, so no getter above.
    Object.defineProperty(this.prototype, "readableEnded", {
      get(this: GateRequest): boolean {
        return this.#isRead || Reflect.get(IncomingMessage.prototype, "readableEnded", this) === true;
      },
    });
  }

  /** Once, and it is told all of it. */
  readBy(reader: BodyReader): void {
    // What came before anybody asked is in the stream; to ask is also what makes the connection be read.
    for (let chunk = this.#waiting(); chunk !== null; chunk = this.#waiting())
      if (!reader.take(chunk)) return void this.pause();
    if (this.complete) this.#end(reader);
    else this.#reader = reader;
  }

  #waiting(): Buffer | null {
    // Without an encoding a stream of bytes gives nothing else.
    return this.read() as Buffer | null;
  }

  #end(reader: BodyReader): void {
    this.#isRead = true;
    this.#reader = undefined;
    reader.end();
  }

  override push(chunk: Buffer | null): boolean {
    const reader = this.#reader;
    if (reader === undefined) return super.push(chunk);
    if (chunk !== null) return reader.take(chunk);
    this.#end(reader);
    return false;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reader?.breakOff();
    super._destroy(error, done);
  }
}
