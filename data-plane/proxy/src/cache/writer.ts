// Keeps the sealed file up with what the proxy knows: it appends, and writes the file anew beside the old one and renames it
// when a new snapshot came, when something must not stay (a secret that nobody needs any more), when the appended part
// has outgrown the rest, and always once at the start, because a file is never appended to by two processes: the nonces are
// counted. All writing is asynchronous and in pieces; with 100,000 keys (18 MB) it took 0.1 to 0.2 s and held up the
// process, which serves no calls, for 5 to 28 ms. Appends are not made durable: a machine's crash may cost the file's end.
// A disk that refuses costs the cache and nothing else: it is said once, counted, and tried again from the beginning.

import { randomBytes } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { FeedMessage } from "../feed/feed.ts";
import { feedFrames, framesOf, placeOf, secretsFrames, stockFrame, type Contents } from "./contents.ts";
import { saltBytes, writeFrames, type Frame, type FrameWriter } from "./frames.ts";
import { cacheBytesMax } from "./load.ts";

export type CacheWriter = {
  /** To be called after `present` has it. */
  add(message: FeedMessage): void;
  secretsChanged(): void;
  stockChanged(): void;
  bytes(): number;
  failures(): number;
  /** Everything is in the file, as far as the disk takes it. */
  close(): Promise<void>;
};

export type CacheWriterParts = {
  path: string;
  cacheKey: Uint8Array;
  proxyId: string;
  /** All that belongs into the file now. */
  present: () => Contents;
  /** Once for any number of failures in a row. */
  onFailing: (error: unknown) => void;
  onRecovered: () => void;
  retryMs?: number;
};

/** More often the file would only grow; less often a restart would look older than it is. */
const tickMsMin = 1_000;
const appendedBytesMin = 4 * 1024 * 1024;
const pieceBytes = 256 * 1024;
const queueBytesMax = 64 * 1024 * 1024;

export function startCacheWriter(parts: CacheWriterParts): CacheWriter {
  const { path, cacheKey, proxyId, present } = parts;
  const retryMs = parts.retryMs ?? 30_000;
  let file: { handle: FileHandle; frames: FrameWriter } | undefined;
  let queue: Frame[] = [];
  let queuedBytes = 0;
  let isDue = true;
  let [bytes, baseBytes] = [0, 0];
  let tickMs = Number.NEGATIVE_INFINITY;
  let written: { secrets: ReadonlySet<string>; stock: Uint8Array; log: string | undefined } | undefined;
  let running: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let [failures, isFailing, isClosing] = [0, false, false];

  function wake(): void {
    if (retry !== undefined) return;
    running ??= run().finally(() => {
      running = undefined;
      if (hasWork() && !isClosing) wake();
    });
  }

  function hasWork(): boolean {
    return isDue ? present().messages[0]?.kind === "snapshot" : queue.length > 0;
  }

  async function run(): Promise<void> {
    // What is asked for within one turn of the event loop is one write.
    await Promise.resolve();
    try {
      while (hasWork()) await (isDue ? rewrite() : append());
      if (isFailing && file !== undefined) parts.onRecovered();
      if (file !== undefined) isFailing = false;
    } catch (error) {
      failures++;
      if (!isFailing) parts.onFailing(error);
      isFailing = true;
      await giveUp();
    }
  }

  /** The old file stays: it is older, and says so. */
  async function giveUp(): Promise<void> {
    await file?.handle.close().catch(() => undefined);
    await rm(`${path}.new`, { force: true }).catch(() => undefined);
    file = undefined;
    dueAnew();
    if (isClosing) return;
    retry = setTimeout(() => {
      retry = undefined;
      wake();
    }, retryMs);
  }

  function dueAnew(): void {
    isDue = true;
    [queue, queuedBytes] = [[], 0];
  }

  async function rewrite(): Promise<void> {
    // In one turn: what is added from here on is not in `now`, and goes to the end of the new file.
    dueAnew();
    isDue = false;
    const now = present();
    const { log } = placeOf(now.messages) ?? {};
    const logName = log && `${log.id}:${log.incarnation}`;
    // What another log said must not come back, even if the disk refuses the new file.
    if (written?.log !== undefined && written.log !== logName) await rm(path, { force: true });
    written = { secrets: versionsOf(now), stock: stockFrame(now.stock).bytes, log: logName };
    const fresh = {
      handle: await open(`${path}.new`, "w", 0o600),
      frames: writeFrames(cacheKey, randomBytes(saltBytes)),
    };
    const old = file;
    file = fresh;
    await old?.handle.close();
    await fresh.handle.writeFile(fresh.frames.head);
    bytes = fresh.frames.head.length;
    await write(framesOf({ proxyId, ...now }));
    baseBytes = bytes;
    await fresh.handle.sync();
    await rename(`${path}.new`, path);
    await syncDirectory(dirname(path));
  }

  async function append(): Promise<void> {
    const frames = queue;
    [queue, queuedBytes] = [[], 0];
    await write(frames);
    if (bytes - baseBytes > Math.max(appendedBytesMin, baseBytes)) isDue = true;
  }

  async function write(frames: Iterable<Frame>): Promise<void> {
    let piece: Uint8Array[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      bytes += size;
      if (bytes > cacheBytesMax) throw new Error(`the cache would have more than ${cacheBytesMax} bytes`);
      const whole = Buffer.concat(piece, size);
      [piece, size] = [[], 0];
      await file?.handle.writeFile(whole);
    };
    for (const frame of frames) {
      const sealed = file?.frames.next(frame) ?? new Uint8Array();
      piece.push(sealed);
      size += sealed.length;
      if (size >= pieceBytes) await flush();
    }
    if (size > 0) await flush();
  }

  function enqueue(frames: Iterable<Frame>): void {
    if (isClosing) return;
    // What is due anew takes everything from `present`.
    for (const frame of isDue ? [] : frames) {
      queue.push(frame);
      queuedBytes += frame.bytes.length;
    }
    if (queuedBytes > queueBytesMax) dueAnew();
    wake();
  }

  wake();
  return {
    add(message) {
      if (message.kind === "snapshot") dueAnew();
      if (message.kind === "tick") {
        if (performance.now() - tickMs < tickMsMin) return;
        tickMs = performance.now();
      }
      enqueue(feedFrames(message));
    },
    secretsChanged() {
      const { secrets } = present();
      const versions = versionsOf({ secrets });
      if ([...(written?.secrets ?? [])].some((version) => !versions.has(version))) dueAnew();
      else if (written !== undefined) written = { ...written, secrets: versions };
      enqueue(secretsFrames(secrets));
    },
    stockChanged() {
      const frame = stockFrame(present().stock);
      if (written === undefined || Buffer.compare(written.stock, frame.bytes) === 0) return;
      written = { ...written, stock: frame.bytes };
      enqueue([frame]);
    },
    bytes: () => bytes,
    failures: () => failures,
    async close() {
      isClosing = true;
      clearTimeout(retry);
      await running;
      await file?.handle.close().catch(() => undefined);
    },
  };
}

function versionsOf({ secrets }: Pick<Contents, "secrets">): ReadonlySet<string> {
  return new Set(secrets.map(({ id, version }) => `${id}:${version}`));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
