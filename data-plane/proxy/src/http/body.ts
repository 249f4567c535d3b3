// Collects one request body, up to a limit. What is longer is known from its declared length before a byte is kept, or at
// the byte that is too many; the rest is then not read. A body in one chunk, the usual case, is not copied. Where there is no
// room for it beside others, it is `no-room`, and nothing of it is kept.

import type { IncomingMessage } from "node:http";
import type { BodyHold } from "./body-budget.ts";

export type BodyOutcome =
  { outcome: "read"; bytes: Buffer } | { outcome: "too-large" } | { outcome: "no-room" } | { outcome: "broken-off" };

export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  done: (result: BodyOutcome) => void,
  hold?: BodyHold,
): void {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return done({ outcome: "too-large" });
  let chunks: Buffer[] = [];
  let bytes = 0;
  let settled = false;
  const settle = (result: BodyOutcome) => {
    if (settled) return;
    settled = true;
    // These listeners stay as long as the request does, and a model may take minutes: they would hold the body a second time.
    chunks = [];
    done(result);
  };
  request.on("data", (chunk: Buffer) => {
    if (settled) return;
    bytes += chunk.length;
    const isTooLarge = bytes > bytesMax;
    if (!isTooLarge && hold?.takes(chunk.length) !== false) return void chunks.push(chunk);
    request.pause();
    settle({ outcome: isTooLarge ? "too-large" : "no-room" });
  });
  request.on("end", () => {
    const [only] = chunks;
    settle({ outcome: "read", bytes: chunks.length === 1 && only ? only : Buffer.concat(chunks, bytes) });
  });
  request.on("close", () => settle({ outcome: "broken-off" }));
  request.on("error", () => settle({ outcome: "broken-off" }));
}
