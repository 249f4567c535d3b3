// Collects one request body, up to a limit. What is longer is known from its declared length before a byte is kept, or at
// the byte that is too many; the rest is then not read. A body in one chunk, the usual case, is not copied. Where there is no
// room for it beside others, it is `no-room`, and nothing of it is kept.

import type { BodyHold } from "./body-budget.ts";
import type { GateRequest } from "./gate-request.ts";

export type BodyOutcome =
  { outcome: "read"; bytes: Buffer } | { outcome: "too-large" } | { outcome: "no-room" } | { outcome: "broken-off" };

export function readBody(
  request: GateRequest,
  bytesMax: number,
  done: (result: BodyOutcome) => void,
  hold?: BodyHold,
): void {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return done({ outcome: "too-large" });
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.readBy({
    take(chunk) {
      bytes += chunk.length;
      const isTooLarge = bytes > bytesMax;
      if (!isTooLarge && hold?.takes(chunk.length) !== false) {
        chunks.push(chunk);
        return true;
      }
      done({ outcome: isTooLarge ? "too-large" : "no-room" });
      return false;
    },
    end() {
      const [only] = chunks;
      done({ outcome: "read", bytes: chunks.length === 1 && only ? only : Buffer.concat(chunks, bytes) });
    },
    breakOff: () => done({ outcome: "broken-off" }),
  });
}
