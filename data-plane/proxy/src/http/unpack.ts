// Unpacks a request's body that its client has compressed. What it unpacks to is bounded like a body that came plain, so a
// small body cannot become a large one here, and is weighed while it grows. One encoding is read, not one around another.

import type { Transform } from "node:stream";
import zlib from "node:zlib";
import type { BodyHold } from "./body-budget.ts";
import type { BodyOutcome } from "./body.ts";

export type UnpackOutcome =
  Exclude<BodyOutcome, { outcome: "broken-off" }> | { outcome: "unreadable" } | { outcome: "unsupported" };

const unpackers: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ["gzip", zlib.createGunzip],
  ["x-gzip", zlib.createGunzip],
  ["deflate", zlib.createInflate],
  ["br", zlib.createBrotliDecompress],
  // Not every Node that the gate runs on has it.
  ...("createZstdDecompress" in zlib ? [["zstd", zlib.createZstdDecompress] as const] : []),
]);

export function unpack(
  bytes: Buffer,
  encoding: string | undefined,
  bytesMax: number,
  done: (result: UnpackOutcome) => void,
  hold?: BodyHold,
): void {
  const name = (encoding ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return done({ outcome: "read", bytes });
  const unpacker = unpackers.get(name)?.();
  if (unpacker === undefined) return done({ outcome: "unsupported" });
  const chunks: Buffer[] = [];
  let length = 0;
  let isSettled = false;
  const settle = (result: UnpackOutcome) => {
    if (isSettled) return;
    isSettled = true;
    unpacker.destroy();
    done(result);
  };
  unpacker.on("data", (chunk: Buffer) => {
    if (isSettled) return;
    length += chunk.length;
    if (length > bytesMax) settle({ outcome: "too-large" });
    else if (hold?.takes(chunk.length) === false) settle({ outcome: "no-room" });
    else chunks.push(chunk);
  });
  unpacker.on("end", () => settle({ outcome: "read", bytes: Buffer.concat(chunks, length) }));
  unpacker.on("error", () => settle({ outcome: "unreadable" }));
  unpacker.end(bytes);
}
