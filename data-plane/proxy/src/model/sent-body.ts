// A body as it goes out. A large one is given as an iteration, of which the connection says that it is sent when it went out, and
// forgets it then; a small one is not worth what that costs.

const forgottenFromBytes = 64 * 1024;

export type SentBody = Buffer | AsyncIterable<Buffer> | undefined;

/** The length has to be said beside it. */
export function sentBody(bytes: Buffer | undefined): SentBody {
  return bytes === undefined || bytes.length < forgottenFromBytes ? bytes : forgetting(bytes);
}

/** A generator would remember it. */
function forgetting(bytes: Buffer): AsyncIterable<Buffer> {
  let left: Buffer | undefined = bytes;
  const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
    const value = left;
    left = undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
