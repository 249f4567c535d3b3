// A restart finds what the proxy knew: all of it or, where the file cannot be trusted, nothing and a reason. Without that a
// cut-off proxy that crashes is an outage, and with less care it is a proxy that forgets revocations.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { EpochKeySchema, SharedKeySchema } from "@tollgate/schema/provisions";
import { FeedSchema, LogIdentitySchema, SnapshotChunkSchema } from "@tollgate/schema/sync";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FeedMessage } from "../feed/feed.ts";
import { until } from "../fixtures/gate-fixture.ts";
import { openLog } from "../log-output.ts";
import type { HeldSecret } from "../upstream/secret-cache.ts";
import { configuredCacheKey, ownCacheKey } from "./cache-key.ts";
import { framesOf, placeOf, type Contents, type Kept } from "./contents.ts";
import { loadCache } from "./load.ts";
import { openRestartCache } from "./restart-cache.ts";
import { startCacheWriter, type CacheWriter } from "./writer.ts";

const cacheKey = randomBytes(32);
const proxyId = "proxy-of-the-spec";
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-cache-"));
  path = join(directory, "cache.sealed");
});

afterEach(async () => {
  await writer?.close();
  writer = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const log = (incarnation = 1) => create(LogIdentitySchema, { id: "log", incarnation });

function snapshot(position: bigint, chunks = 1, incarnation = 1, bytes = 10): FeedMessage {
  const body = randomBytes(bytes);
  const made = Array.from({ length: chunks }, (_, index) =>
    toBinary(
      SnapshotChunkSchema,
      create(SnapshotChunkSchema, {
        ...{ log: log(incarnation), position, last: index === chunks - 1 },
        resources: [{ kind: "team", id: `t${index}`, body }],
      }),
    ),
  );
  return { kind: "snapshot", chunks: made };
}

function records(position: bigint, bytes = 10): FeedMessage {
  const feed = create(FeedSchema, {
    log: log(),
    records: [{ position, commit: position, type: "t", body: randomBytes(bytes) }],
  });
  return { kind: "records", feed: toBinary(FeedSchema, feed) };
}

const tick = (head: bigint, timeMs = 1_800_000_000_000): FeedMessage => ({ kind: "tick", head, timeMs });

function secret(id: string, version = 1, text: string | undefined = `value of ${id}`): HeldSecret {
  return { id, version, value: text === undefined ? undefined : { id, version, value: Buffer.from(text) } };
}

const textsOf = (secrets: readonly HeldSecret[] = []) =>
  secrets.map(({ value }) => value && Buffer.from(value.value).toString());

const stock = (last: bigint): Contents["stock"] => ({
  epochs: [create(EpochKeySchema, { epoch: last, key: randomBytes(32) })],
  sealing: [create(SharedKeySchema, { id: 1, key: randomBytes(32), useFromMs: 5n, acceptUntilMs: 9n })],
  records: [],
});

/** Whether bytes are a Buffer's is not what these tests are about. */
function plain(contents: Contents | undefined): unknown {
  const whole: Kept | undefined = contents && { ...contents, proxyId };
  return whole && [...framesOf(whole)].map(({ kind, bytes }) => [kind, Buffer.from(bytes).toString("hex")]);
}

let writer: CacheWriter | undefined;
let now: { messages: FeedMessage[]; secrets: HeldSecret[]; stock: Contents["stock"] };
let told: string[];

function begin(retryMs?: number): CacheWriter {
  told = [];
  writer = startCacheWriter({
    ...{ path, cacheKey, proxyId, present: () => now },
    onFailing: () => told.push("failing"),
    onRecovered: () => told.push("recovered"),
    ...(retryMs === undefined ? {} : { retryMs }),
  });
  return writer;
}

/** As the primary does. */
function take(message: FeedMessage): void {
  if (message.kind === "snapshot") now.messages = [message];
  else now.messages.push(message);
  writer?.add(message);
}

function kept() {
  const found = loadCache(path, cacheKey, proxyId);
  return found.outcome === "kept" ? found.kept : undefined;
}

function fill(): void {
  now = { messages: [], secrets: [secret("a"), secret("b", 3)], stock: stock(4n) };
  begin();
  for (const message of [snapshot(7n, 3), records(8n), tick(8n)]) take(message);
}

describe("what was given is found after a restart", () => {
  test("view, secrets and stock, absences among them, and the place where the feed goes on", async () => {
    fill();
    now.secrets.push({ id: "gone", version: 2, value: undefined });
    writer?.secretsChanged();
    take(records(9n));
    await writer?.close();
    const found = kept();
    // A tick is told last, because everything before its head was there when it came.
    const [first, second, third, last] = now.messages;
    const inOrder = [first, second, last, third].filter((message) => message !== undefined);
    expect(plain(found)).toEqual(plain({ ...now, messages: inOrder }));
    expect(placeOf(found?.messages ?? [])).toMatchObject({ log: log(), position: 9n });
    expect(readFileSync(path).includes("value of a")).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("from the first moment on, without a close", async () => {
    fill();
    await until(() => kept()?.messages.length === 3, "the file");
    take(records(9n));
    await until(() => placeOf(kept()?.messages ?? [])?.position === 9n, "the record");
    now.stock = stock(5n);
    writer?.stockChanged();
    await until(() => kept()?.stock.epochs[0]?.epoch === 5n, "the stock");
  });

  test("after many secrets of the largest size", async () => {
    fill();
    now.secrets = Array.from({ length: 40 }, (_, index) => secret(`s${index}`, 1, `${index}`.padEnd(60_000, "x")));
    writer?.secretsChanged();
    await writer?.close();
    expect(textsOf(kept()?.secrets)).toEqual(textsOf(now.secrets));
  });

  test("a start writes the file anew, and a crash in between leaves the old one", async () => {
    fill();
    await writer?.close();
    const before = readFileSync(path);
    writeFileSync(`${path}.new`, before.subarray(0, 100));
    begin();
    await until(() => !readFileSync(path).equals(before) && kept() !== undefined, "the new file");
    // Another salt: two boots never count nonces of one key.
    expect(readFileSync(path).subarray(8, 40).equals(before.subarray(8, 40))).toBe(false);
    expect(plain(kept())).toEqual(plain(now));
  });
});

describe("the file does not outgrow what is in it", () => {
  test("ticks are written about once a second, and none of them holds anything up", async () => {
    fill();
    await until(() => kept() !== undefined, "the file");
    const bytes = writer?.bytes();
    for (let i = 0; i < 1_000; i++) take(tick(8n));
    await writer?.close();
    expect(statSync(path).size).toBe(bytes);
  });

  test("it is written anew when records have outgrown the snapshot", async () => {
    fill();
    const largest = { bytes: 0 };
    for (let position = 9n; position < 29n; position++) {
      take(records(position, 512 * 1024));
      // The workers' state prints a snapshot of its own when it has grown.
      if (position % 8n === 0n) now.messages = [snapshot(position), tick(position)];
      await until(() => placeOf(kept()?.messages ?? [])?.position === position, "the record");
      largest.bytes = Math.max(largest.bytes, statSync(path).size);
    }
    expect(largest.bytes).toBeLessThan(10 * 1024 * 1024);
  });
});

describe("what must not stay does not", () => {
  test("a secret that is needed no more, and an old version of one, leave the file", async () => {
    fill();
    await until(() => kept() !== undefined, "the file");
    now.secrets = [secret("a", 2, "new value")];
    writer?.secretsChanged();
    await until(() => kept()?.secrets.length === 1, "the change");
    const { size } = statSync(path);
    await writer?.close();
    begin();
    await until(() => kept() !== undefined, "the file of the next boot");
    // Written anew at once: what the next boot writes is no smaller.
    expect(statSync(path).size).toBe(size);
    expect(textsOf(kept()?.secrets)).toEqual(["new value"]);
  });

  test("what another log said, even if the disk refuses the new file", async () => {
    fill();
    await until(() => kept() !== undefined, "the file");
    mkdirSync(`${path}.new`);
    take(snapshot(3n, 1, 2));
    await until(() => told.includes("failing"), "the failure");
    expect(existsSync(path)).toBe(false);
  });

  test("what another proxy was given", async () => {
    fill();
    await writer?.close();
    expect(loadCache(path, cacheKey, "somebody-else")).toEqual({ outcome: "refused", reason: "other-proxy" });
    expect(existsSync(path)).toBe(false);
  });
});

describe("a file that cannot be trusted is a reason and no failure", () => {
  beforeEach(async () => {
    fill();
    await writer?.close();
  });
  const refusal = (reason: string) => ({ outcome: "refused", reason });

  test("no file, another key, damage, a directory in its place", () => {
    expect(loadCache(join(directory, "none"), cacheKey, proxyId)).toEqual({ outcome: "none" });
    expect(loadCache(path, randomBytes(32), proxyId)).toEqual(refusal("key-wrong"));
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[whole.length >> 1] = (changed[whole.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect(loadCache(path, cacheKey, proxyId)).toEqual(refusal("damaged"));
    expect(loadCache(directory, cacheKey, proxyId)).toEqual(refusal("unreadable"));
  });

  test("a torn end costs the end; a cut before the first tick costs all, because nobody could tell its age", () => {
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, -1));
    expect(loadCache(path, cacheKey, proxyId)).toEqual(refusal("damaged"));
    writeFileSync(path, Buffer.concat([whole, Buffer.from("torn")]));
    expect(loadCache(path, cacheKey, proxyId)).toMatchObject({ outcome: "kept", tornBytes: 4 });
  });
});

test("a disk that refuses costs the cache alone: said once, counted, and made good when it takes again", async () => {
  now = { messages: [snapshot(1n), tick(1n)], secrets: [], stock: stock(1n) };
  mkdirSync(`${path}.new`);
  begin(5);
  await until(() => (writer?.failures() ?? 0) > 2, "some tries");
  take(records(2n));
  expect(told).toEqual(["failing"]);
  rmSync(`${path}.new`, { recursive: true, force: true });
  await until(() => told.includes("recovered"), "the recovery");
  expect(told).toEqual(["failing", "recovered"]);
  expect(placeOf(kept()?.messages ?? [])?.position).toBe(2n);
});

describe("the key", () => {
  test("of an operator is 32 bytes in base64 or hexadecimal, or a mistake in the configuration that does not show it", () => {
    const file = join(directory, "key");
    for (const encoding of ["base64", "hex"] as const) {
      writeFileSync(file, `${cacheKey.toString(encoding)}\n`);
      expect(configuredCacheKey(file)).toEqual(cacheKey);
    }
    for (const wrong of ["", "planted", randomBytes(31).toString("hex"), randomBytes(33).toString("base64")]) {
      writeFileSync(file, wrong);
      const problem = `TOLLGATE_CACHE_KEY_FILE ${file} does not hold 32 bytes in base64 or hexadecimal`;
      expect(() => configuredCacheKey(file)).toThrow(new ConfigProblem(problem));
    }
    const missing = join(directory, "none");
    expect(() => configuredCacheKey(missing)).toThrow(`${missing} cannot be read (ENOENT)`);
  });

  test("of the proxy's own is made once, for itself alone, and anew where it was damaged", () => {
    const file = join(directory, "cache.key");
    const key = ownCacheKey(file);
    expect([ownCacheKey(file), statSync(file).mode & 0o777]).toEqual([key, 0o600]);
    writeFileSync(file, "damaged");
    const next = ownCacheKey(file);
    expect(next).not.toEqual(key);
    expect(ownCacheKey(file)).toEqual(next);
  });

  test("that went missing is counted as a wrong one, and the proxy goes on without what was kept", async () => {
    const parts = { directory, cacheKeyFile: undefined, proxyId, isTemporary: false, log: openLog("silent", {}) };
    const first = openRestartCache(parts);
    now = { messages: [snapshot(1n), tick(1n)], secrets: [], stock: stock(1n) };
    first.begin(() => now);
    await first.close();
    expect(plain(openRestartCache(parts).takeKept())).toEqual(plain(now));
    rmSync(join(directory, "cache.key"));
    const next = openRestartCache(parts);
    expect([next.takeKept(), next.counts().failuresByReason["key-wrong"]]).toEqual([undefined, 1]);
    next.begin(() => now);
    await next.close();
    expect(plain(openRestartCache(parts).takeKept())).toEqual(plain(now));
    expect(openRestartCache({ ...parts, isTemporary: true }).takeKept()).toBeUndefined();
  });
});
