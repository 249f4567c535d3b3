// Reads the cache once, at a start. It answers with what the last boot left, or with why there is nothing to be had, and is
// never the reason why a proxy does not start: without the cache it waits for the control plane, as at its first boot.

import { readFileSync, rmSync, statSync } from "node:fs";
import { keptIn, type Kept } from "./contents.ts";
import { readFrames } from "./frames.ts";

/** A gigabyte: forty times the cache of 100,000 keys. What is larger is neither written nor read. */
export const cacheBytesMax = 1024 * 1024 * 1024;

export type LoadRefusal = "key-wrong" | "damaged" | "unreadable" | "other-proxy";

export type Loaded =
  | { outcome: "kept"; kept: Kept; tornBytes: number }
  | { outcome: "none" }
  | { outcome: "refused"; reason: LoadRefusal };

export function loadCache(path: string, cacheKey: Uint8Array, proxyId: string): Loaded {
  let file: Buffer;
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return { outcome: "none" };
    if (status.size > cacheBytesMax) return { outcome: "refused", reason: "unreadable" };
    file = readFileSync(path);
  } catch {
    return { outcome: "refused", reason: "unreadable" };
  }
  const read = readFrames(cacheKey, file);
  if (read.outcome === "refused") return read;
  const kept = keptIn(read.frames);
  if (kept === undefined) return { outcome: "refused", reason: "damaged" };
  if (kept.proxyId === proxyId) return { outcome: "kept", kept, tornBytes: read.tornBytes };
  // Epochs and secrets were given to that proxy and to no other.
  rmSync(path, { force: true });
  return { outcome: "refused", reason: "other-proxy" };
}
