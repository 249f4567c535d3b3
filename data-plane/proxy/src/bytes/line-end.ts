// Where a line of an event stream ends: at a line feed, or at a return, which a line feed may follow.

export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;

export function endOfLine(chunk: Buffer, start: number): number {
  for (let at = start; at < chunk.length; at++) if (chunk[at] === lineFeed || chunk[at] === carriageReturn) return at;
  return -1;
}
