// A body as it goes out. A large one is given as a stream that forgets it, because the connection holds what it was given until
// the answer has ended; a small one is not worth what a stream costs.

import { Readable } from "node:stream";

const forgottenFromBytes = 64 * 1024;

/** The length has to be said beside it. */
export function sentBody(bytes: Buffer | undefined): Buffer | Readable | undefined {
  return bytes === undefined || bytes.length < forgottenFromBytes ? bytes : forgetting(bytes);
}

function forgetting(bytes: Buffer): Readable {
  let left: Buffer | undefined = bytes;
  return new Readable({
    read() {
      this.push(left ?? null);
      left = undefined;
    },
  });
}
