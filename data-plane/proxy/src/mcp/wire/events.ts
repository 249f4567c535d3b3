// Writes server-sent events. A message keeps its bytes: line breaks between its tokens become lines of the event, which a
// reader puts together again.

import { carriageReturn, lineFeed } from "../../bytes/line-end.ts";

const begin = Buffer.from("event: message\ndata: ");
const end = Buffer.from("\n\n");
export const keepAlive = Buffer.from(":\n\n");

export function eventOf(message: Uint8Array, id?: string): Buffer {
  const lines = isOneLine(message)
    ? message
    : Buffer.from(
        Buffer.from(message)
          .toString("utf8")
          .replaceAll(/\r\n?|\n/g, "\ndata: "),
      );
  return id === undefined
    ? Buffer.concat([begin, lines, end])
    : Buffer.concat([Buffer.from(`id: ${id}\n`), begin, lines, end]);
}

/** What a client may take a stream up from before anything was said on it. */
export function primingEvent(id: string, retryMs: number): Buffer {
  return Buffer.from(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
}

function isOneLine(message: Uint8Array): boolean {
  return !message.includes(lineFeed) && !message.includes(carriageReturn);
}
