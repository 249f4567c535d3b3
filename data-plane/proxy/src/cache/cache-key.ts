// The key of the sealed cache: 32 bytes in a file, in base64 or hexadecimal. An operator's file lies outside the data
// directory, and one that is missing or malformed is a mistake in the configuration. Without one the proxy makes a key of its
// own beside the cache: then whoever has the disk has both, and the seal keeps secrets out of sight, not out of reach.

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { cacheKeyBytes } from "./frames.ts";

export function configuredCacheKey(path: string): Uint8Array {
  const found = readKey(path);
  if ("problem" in found) throw new ConfigProblem(`TOLLGATE_CACHE_KEY_FILE ${path} ${found.problem}`);
  return found;
}

/** Made where there is none, and anew where it is damaged: what it sealed is lost either way. */
export function ownCacheKey(path: string): Uint8Array {
  const found = readKey(path);
  if (!("problem" in found)) return found;
  const key = randomBytes(cacheKeyBytes);
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    writeSync(file, `${key.toString("base64")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  return key;
}

function readKey(path: string): Uint8Array | { problem: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    return { problem: `cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "?"})` };
  }
  const isHex = /^[0-9a-f]{64}$/i.test(text);
  if (isHex || /^[A-Za-z0-9+/]{43}=?$/.test(text)) {
    const key = Buffer.from(text, isHex ? "hex" : "base64");
    if (key.length === cacheKeyBytes) return key;
  }
  return { problem: `does not hold ${cacheKeyBytes} bytes in base64 or hexadecimal` };
}
