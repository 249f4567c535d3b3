// The keys by which proxies know a relay's records, kept for a while so that a record costs no look-up, and what is made with
// them. A key is announced a day before it is used, so a look that is some seconds old is never too old.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { FromKafka, Said } from "@tollgate/kernel/kafka-record";
import { macTagBytes, macText, signedBytes } from "@tollgate/kernel/record-mac";
import { currentKey, type Keyring, type SharedKey } from "../keyring/keyring.ts";

export type RecordKeys = {
  /** Signs what is said now. */
  signer(): Promise<(said: Said) => string>;
  verifier(): Promise<(read: FromKafka) => boolean>;
};

const keptMs = 10_000;

export function openRecordKeys(keyring: Pick<Keyring, "keys">, nowMs: () => number): RecordKeys {
  let kept: { keys: readonly SharedKey[]; untilMs: number } | undefined;

  async function keys(): Promise<readonly SharedKey[]> {
    if (!kept || performance.now() >= kept.untilMs)
      kept = { keys: await keyring.keys("records"), untilMs: performance.now() + keptMs };
    return kept.keys;
  }

  return {
    async signer() {
      const { id, key } = currentKey(await keys(), nowMs());
      return (said) => macText({ keyId: id, tag: tagOf(key, said) });
    },
    async verifier() {
      const known = new Map((await keys()).map(({ id, key }) => [id, key]));
      return ({ mac, ...said }) => {
        if (mac === undefined) return false;
        const key = known.get(mac.keyId);
        return key !== undefined && timingSafeEqual(tagOf(key, said), mac.tag);
      };
    },
  };
}

function tagOf(key: Uint8Array, said: Said): Uint8Array {
  return createHmac("sha256", key).update(signedBytes(said)).digest().subarray(0, macTagBytes);
}
