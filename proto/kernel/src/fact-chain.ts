// How the facts of an epoch hold together. Each has a link: a hash over the epoch's key, the link before it and its own bytes,
// so that one link vouches for all facts up to it, and two proxies that write in one epoch (a copied disk) are told apart by
// the first fact in which they differ. A batch on its way carries the link before it and a MAC. Both planes compute these;
// how they hash is handed in, because this package has no `node:crypto`.
//
// The link is the first half of SHA-256(key ‖ link ‖ fact). A plain hash with a key in front can be extended by who knows all
// of its output; half of it is not enough for that, and costs one hash where HMAC costs two.

import { utf8ToBytes } from "@noble/hashes/utils.js";

/** SHA-256, whole. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
/** HMAC-SHA-256, whole. */
export type Hmac = (key: Uint8Array, bytes: Uint8Array) => Uint8Array;

export const linkBytes = 16;
export const epochKeyBytes = 32;
/** Before the first fact of an epoch. */
export const firstLink: Uint8Array = new Uint8Array(linkBytes);

export function linkAfter(sha256: Sha256, key: Uint8Array, before: Uint8Array, fact: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + before.length + fact.length);
  bytes.set(key);
  bytes.set(before, key.length);
  bytes.set(fact, key.length + before.length);
  return sha256(bytes).subarray(0, linkBytes);
}

export type BatchContent = { proxyId: string; epoch: bigint; before: Uint8Array; facts: readonly Uint8Array[] };

export function batchMac(hmac: Hmac, key: Uint8Array, { proxyId, epoch, before, facts }: BatchContent): Uint8Array {
  const head = utf8ToBytes(`tollgate batch\n${proxyId}\n${epoch}\n${before.length}\n`);
  const size = facts.reduce((sum, fact) => sum + 4 + fact.length, head.length + before.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(head);
  bytes.set(before, head.length);
  let at = head.length + before.length;
  for (const fact of facts) {
    view.setUint32(at, fact.length);
    bytes.set(fact, at + 4);
    at += 4 + fact.length;
  }
  return hmac(key, bytes).subarray(0, linkBytes);
}
