// Unpacks a request's body that its client has compressed. What it unpacks to is bounded like a body that came plain, so a
// small body cannot become a large one here. One encoding is read, not one around another.

import zlib from "node:zlib";
import type { BodyOutcome } from "./body.ts";

export type UnpackOutcome =
  Exclude<BodyOutcome, { outcome: "broken-off" }> | { outcome: "unreadable" } | { outcome: "unsupported" };

type Unpack = (
  bytes: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, unpacked: Buffer) => void,
) => void;

const unpacks: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ["gzip", zlib.gunzip],
  ["x-gzip", zlib.gunzip],
  ["deflate", zlib.inflate],
  ["br", zlib.brotliDecompress],
  // Not every Node that the gate runs on has it.
  ...("zstdDecompress" in zlib ? [["zstd", zlib.zstdDecompress] as const] : []),
]);

export function unpack(
  bytes: Buffer,
  encoding: string | undefined,
  bytesMax: number,
  done: (result: UnpackOutcome) => void,
): void {
  const name = (encoding ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return done({ outcome: "read", bytes });
  const by = unpacks.get(name);
  if (by === undefined) return done({ outcome: "unsupported" });
  by(bytes, { maxOutputLength: bytesMax }, (error, unpacked) => {
    if (error === null) return done({ outcome: "read", bytes: unpacked });
    const isTooLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    done({ outcome: isTooLarge ? "too-large" : "unreadable" });
  });
}
