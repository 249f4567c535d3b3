// Envelope encryption: a value is sealed with a data key of its own, and that key with the master key, both AES-256-GCM.
// Id and version are authenticated with both, so that a row which was copied over another, or set back, does not open.
// Pure but for randomness; it stores nothing.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

export const masterKeyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export type Sealed = { wrappedKey: Uint8Array; sealed: Uint8Array };
export type SealedName = { id: string; version: number };

/** What was sealed was changed, or it was sealed with another key or for another name. */
export class DoesNotOpen extends Error {}

export function seal(masterKey: Uint8Array, name: SealedName, value: Uint8Array): Sealed {
  const dataKey = randomBytes(masterKeyBytes);
  const about = aboutOf(name);
  return { wrappedKey: encrypt(masterKey, about, dataKey), sealed: encrypt(dataKey, about, value) };
}

export function open(masterKey: Uint8Array, name: SealedName, { wrappedKey, sealed }: Sealed): Uint8Array {
  const about = aboutOf(name);
  return decrypt(decrypt(masterKey, about, wrappedKey), about, sealed);
}

function aboutOf({ id, version }: SealedName): Uint8Array {
  return Buffer.from(`tollgate secret\n${id}\n${version}`);
}

function encrypt(key: Uint8Array, about: Uint8Array, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(about);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, about: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (bytes.length < nonceBytes + tagBytes) throw new DoesNotOpen("a sealed value was cut off");
  const nonce = bytes.subarray(0, nonceBytes);
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes }).setAAD(about);
    cipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([cipher.update(bytes.subarray(nonceBytes, -tagBytes)), cipher.final()]);
  } catch (cause) {
    throw new DoesNotOpen("a sealed value does not open with this key", { cause });
  }
}
