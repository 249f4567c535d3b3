// What a relay signs of a record or tick, so that a proxy knows that no one else wrote it into the topic: every part that it
// acts on, in one canonical form, told apart by kind and lengths. The key is shared by the control plane and its proxies;
// each plane computes the code itself (HMAC-SHA-256, the first 16 bytes), because the kernel holds no keys.

import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Said } from "./kafka-record.ts";

export type Mac = { keyId: number; tag: Uint8Array };

export const macTagBytes = 16;

/** A line of JSON, whose strings end where they end, and then the body, which is all that follows. */
export function signedBytes(said: Said): Uint8Array {
  const { id, incarnation } = said.log;
  const head = [`tollgate ${said.kind} 1`, id, incarnation];
  if (said.kind === "tick") {
    const { head: position, timeMs, hash } = said.tick;
    return line([...head, position.toString(), timeMs.toString(), bytesToHex(hash)]);
  }
  const { position, commit, type, scopes, previous, hash, body } = said.record;
  const chain = [bytesToHex(previous), bytesToHex(hash)];
  const hasBody = body !== undefined;
  const fields = [...head, position.toString(), commit.toString(), type, scopes, ...chain, hasBody];
  return concatBytes(line(fields), body ?? new Uint8Array());
}

function line(fields: readonly unknown[]): Uint8Array {
  return utf8ToBytes(`${JSON.stringify(fields)}\n`);
}

/** As it stands in the header `mac`. */
export function macText({ keyId, tag }: Mac): string {
  return `${keyId}:${bytesToHex(tag)}`;
}

export function macFrom(text: string): Mac | undefined {
  const match = /^(\d{1,9}):([0-9a-f]{32})$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { keyId: Number(match[1]), tag: hexToBytes(match[2]) };
}
