// Collects one request body, up to a limit. What is longer is known from its declared length before a byte is kept, or at
// the byte that is too many; the rest is then not read. A body in one chunk, the usual case, is not copied.

import type { IncomingMessage } from "node:http";

export type BodyOutcome = { outcome: "read"; bytes: Buffer } | { outcome: "too-large" } | { outcome: "broken-off" };

export function readBody(request: IncomingMessage, bytesMax: number, done: (result: BodyOutcome) => void): void {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return done({ outcome: "too-large" });
  let chunks: Buffer[] = [];
  let bytes = 0;
  let settled = false;
  const settle = (result: BodyOutcome) => {
    if (settled) return;
    settled = true;
    done(result);
  };
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) return void chunks.push(chunk);
    request.pause();
    settle({ outcome: "too-large" });
  });
  request.on("end", () => {
    const [only] = chunks;
    const whole = chunks.length === 1 && only ? only : Buffer.concat(chunks, bytes);
    // These listeners stay as long as the request does, and a model may take minutes: they would hold the body a second time.
    chunks = [];
    settle({ outcome: "read", bytes: whole });
  });
  request.on("close", () => settle({ outcome: "broken-off" }));
  request.on("error", () => settle({ outcome: "broken-off" }));
}
