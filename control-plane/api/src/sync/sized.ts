// Cuts a list into parts that a message can carry: a page of a thousand resources may be hundreds of megabytes, and both
// gRPC and Kafka refuse what is beyond their limit for ever. A single item is never cut; each is bounded at the append.

/** Of contents; well below what both ends take as one message. */
export const messageBytesMax = 4 * 1024 * 1024;

export function* sized<T>(items: readonly T[], sizeOf: (item: T) => number, bytesMax: number): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (part.length > 0 && bytes + size > bytesMax) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
