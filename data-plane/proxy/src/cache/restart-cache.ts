// What a proxy keeps on its disk for a restart without the control plane: opened before anything else is asked for, then
// written behind the feed. It chooses the key, says once what is wrong, and counts. A proxy whose id does not outlive it
// keeps nothing. Of all its failures only a key file that was configured and cannot be read stops a start.

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { FeedMessage } from "../feed/feed.ts";
import type { Log } from "../log-output.ts";
import { configuredCacheKey, ownCacheKey } from "./cache-key.ts";
import type { Contents, Kept } from "./contents.ts";
import { loadCache, type LoadRefusal } from "./load.ts";
import { startCacheWriter, type CacheWriter } from "./writer.ts";

export type CacheCounts = { bytes: number; failuresByReason: Readonly<Record<LoadRefusal | "write-failed", number>> };

export type RestartCache = {
  /** What the last boot left, told once: it is large. */
  takeKept(): Kept | undefined;
  /** What was told could not be used. */
  keptWasUnreadable(error: unknown): void;
  /** Begins to write; `present` tells all that belongs into the cache at any time from now on. */
  begin(present: () => Contents): void;
  /** These three after `present` has what they tell. */
  add(message: FeedMessage): void;
  secretsChanged(): void;
  stockChanged(): void;
  counts(): CacheCounts;
  /** Nothing of it is left, nor of the key that was made for it. The process ends in the same turn. */
  erase(): void;
  close(): Promise<void>;
};

export type RestartCacheParts = {
  /** Of the proxy, within the data directory. */
  directory: string;
  cacheKeyFile: string | undefined;
  proxyId: string;
  isTemporary: boolean;
  log: Log;
};

const whatItMeans: Readonly<Record<LoadRefusal, string>> = {
  "key-wrong": "the cache on disk was sealed with another key; the proxy waits for the control plane",
  damaged: "the cache on disk is damaged; the proxy waits for the control plane",
  unreadable: "the cache on disk cannot be read; the proxy waits for the control plane",
  "other-proxy": "the cache on disk was another proxy's and is dropped; the proxy waits for the control plane",
};

/** Throws `ConfigProblem` for a configured key that cannot be had. */
export function openRestartCache({
  directory,
  cacheKeyFile,
  proxyId,
  isTemporary,
  log,
}: RestartCacheParts): RestartCache {
  const failuresByReason = { "key-wrong": 0, damaged: 0, unreadable: 0, "other-proxy": 0, "write-failed": 0 };
  const path = join(directory, "cache.sealed");
  const ownKey = join(directory, "cache.key");
  const cacheKey = chosenKey();
  let kept = cacheKey && loaded(cacheKey);
  let writer: CacheWriter | undefined;

  function chosenKey(): Uint8Array | undefined {
    const configured = cacheKeyFile === undefined ? undefined : configuredCacheKey(cacheKeyFile);
    if (isTemporary) return undefined;
    if (configured !== undefined) return configured;
    try {
      return ownCacheKey(ownKey);
    } catch (error) {
      log.error({ reason: String(error) }, "no key for the cache can be made; nothing is kept for a restart");
      failuresByReason.unreadable++;
      return undefined;
    }
  }

  function loaded(key: Uint8Array): Kept | undefined {
    const found = loadCache(path, key, proxyId);
    switch (found.outcome) {
      case "none":
        return undefined;
      case "refused":
        failuresByReason[found.reason]++;
        log.error({ cache: path, reason: found.reason }, whatItMeans[found.reason]);
        return undefined;
      case "kept":
        log.info({ tornBytes: found.tornBytes }, "what the last boot knew was found on disk");
        return found.kept;
    }
  }

  return {
    takeKept() {
      const taken = kept;
      kept = undefined;
      return taken;
    },
    keptWasUnreadable(error) {
      failuresByReason.damaged++;
      log.error({ cache: path, reason: String(error) }, whatItMeans.damaged);
    },
    begin(present) {
      if (cacheKey === undefined) return;
      writer = startCacheWriter({
        ...{ path, cacheKey, proxyId, present },
        onFailing: (error) =>
          log.error({ reason: String(error) }, "the cache cannot be written; a restart would need the control plane"),
        onRecovered: () => log.info({}, "the cache is written again"),
      });
    },
    add: (message) => writer?.add(message),
    secretsChanged: () => writer?.secretsChanged(),
    stockChanged: () => writer?.stockChanged(),
    counts: () => ({
      bytes: writer?.bytes() ?? 0,
      failuresByReason: { ...failuresByReason, "write-failed": writer?.failures() ?? 0 },
    }),
    erase() {
      // First what a rewrite is about to rename: then it finds nothing, however far it has come.
      for (const file of [`${path}.new`, path, ownKey]) rmSync(file, { force: true });
    },
    close: async () => writer?.close(),
  };
}
