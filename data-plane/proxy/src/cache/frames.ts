// The bytes of a sealed file: a head with a random salt, then frames that are only ever appended. A file has a key of its own
// (HKDF of the cache key and the salt), and the number of a frame is its nonce, so a frame opens in its own place of its
// own file and nowhere else: none can be moved, left out, repeated or taken from another file. What a crash tore off at the
// end is dropped, as the spool does; anything else that does not open is damage, and then nothing of the file is believed.
// Whoever can write to the disk can cut the file or put an older one there; the age of what is in it bounds the use of that.

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";

export type Frame = { readonly kind: number; readonly bytes: Uint8Array };

export type FramesRead =
  | { outcome: "read"; frames: readonly Frame[]; tornBytes: number }
  | { outcome: "refused"; reason: "key-wrong" | "damaged" };

export type FrameWriter = {
  /** What the file begins with. */
  readonly head: Uint8Array;
  /** The next frame of the file; every one that is made must be written, in this order. */
  next(frame: Frame): Uint8Array;
};

export const cacheKeyBytes = 32;
export const saltBytes = 32;
/** A snapshot's chunk is the largest: a thousand resources, each below an event's bound. */
export const frameBytesMax = 512 * 1024 * 1024;

const magic = Buffer.from("TOLLGAT1");
const checkBytes = 16;
const headBytes = magic.length + saltBytes + checkBytes;
/** The length of the sealed payload without its tag (unsigned, little-endian), and the kind. */
const frameHeadBytes = 5;
const tagBytes = 16;
const nonceBytes = 12;

/** A salt must never have been used before with this key. */
export function writeFrames(cacheKey: Uint8Array, salt: Uint8Array): FrameWriter {
  if (salt.length !== saltBytes) throw new Error(`a salt has ${saltBytes} bytes`);
  const { secret, check } = derived(cacheKey, salt);
  let index = 0;
  return {
    head: Buffer.concat([magic, salt, check]),
    next({ kind, bytes }) {
      if (bytes.length > frameBytesMax) throw new Error(`a frame has at most ${frameBytesMax} bytes`);
      const head = Buffer.alloc(frameHeadBytes);
      head.writeUInt32LE(bytes.length);
      head[4] = kind;
      const cipher = createCipheriv("aes-256-gcm", secret, nonceOf(index++), { authTagLength: tagBytes }).setAAD(head);
      return Buffer.concat([head, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
  };
}

export function readFrames(cacheKey: Uint8Array, file: Buffer): FramesRead {
  if (file.length < headBytes || !file.subarray(0, magic.length).equals(magic)) return refused("damaged");
  const { secret, check } = derived(cacheKey, file.subarray(magic.length, magic.length + saltBytes));
  if (!timingSafeEqual(check, file.subarray(headBytes - checkBytes, headBytes))) return refused("key-wrong");
  const frames: Frame[] = [];
  let at = headBytes;
  while (at < file.length) {
    const end = endOfFrame(file, at);
    if (end === undefined) break;
    const frame = openFrame(secret, frames.length, file.subarray(at, end));
    if (frame === undefined) {
      if (end === file.length || isZero(file.subarray(at))) break;
      return refused("damaged");
    }
    frames.push(frame);
    at = end;
  }
  return { outcome: "read", frames, tornBytes: file.length - at };
}

function refused(reason: "key-wrong" | "damaged"): FramesRead {
  return { outcome: "refused", reason };
}

/** Undefined where the file ends before it. */
function endOfFrame(file: Buffer, at: number): number | undefined {
  if (at + frameHeadBytes > file.length) return undefined;
  const end = at + frameHeadBytes + file.readUInt32LE(at) + tagBytes;
  return end <= file.length ? end : undefined;
}

function openFrame(secret: ReturnType<typeof createSecretKey>, index: number, frame: Buffer): Frame | undefined {
  const head = frame.subarray(0, frameHeadBytes);
  const cipher = createDecipheriv("aes-256-gcm", secret, nonceOf(index), { authTagLength: tagBytes });
  cipher.setAAD(head).setAuthTag(frame.subarray(-tagBytes));
  const bytes = cipher.update(frame.subarray(frameHeadBytes, -tagBytes));
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  return { kind: head[4] ?? 0, bytes };
}

function derived(cacheKey: Uint8Array, salt: Uint8Array) {
  if (cacheKey.length !== cacheKeyBytes) throw new Error(`a cache key has ${cacheKeyBytes} bytes`);
  const derive = (use: string, bytes: number) =>
    Buffer.from(hkdfSync("sha256", cacheKey, salt, `tollgate proxy cache 1 ${use}`, bytes));
  // Known from the head alone, so that a wrong key is not taken for damage.
  return { secret: createSecretKey(derive("frames", cacheKeyBytes)), check: derive("check", checkBytes) };
}

/** A key seals one file, and a file has each number once. */
function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeBigUInt64BE(BigInt(index), nonceBytes - 8);
  return nonce;
}

/** A file system may leave zeros where a machine lost its power. */
function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
