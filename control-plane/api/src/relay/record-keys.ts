// What a relay puts beside a record so that it is known for one of ours. Proxies know it by a code that is made with the shared
// key of the time. The control plane itself, which asks the topic after a restore, knows it by another, made with a secret
// that lasts and that nobody else has: any backup holds it, however young the shared keys are that signed the topic's end.
// Keys are kept for a while, so that a record costs no look-up.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { FromKafka, KafkaHeaders, Said } from "@tollgate/kernel/kafka-record";
import { macTagBytes, macText, signedBytes } from "@tollgate/kernel/record-mac";
import { currentKey, lookEveryMsMax, type Keyring, type SharedKey } from "../keyring/keyring.ts";

/** As headers of a record. */
export type Signature = { mac: string; origin: string };

export type RecordKeys = {
  /** Signs what is said now. */
  signer(): Promise<(said: Said) => Signature>;
  verifier(): Promise<(headers: KafkaHeaders, read: FromKafka) => boolean>;
};

const originSecret = "origin of records";

export function openRecordKeys(
  keyring: Pick<Keyring, "keys" | "secret">,
  nowMs: () => number,
  monotonicMs: () => number = () => performance.now(),
): RecordKeys {
  let kept: { keys: readonly SharedKey[]; untilMs: number } | undefined;
  let secret: Uint8Array | undefined;

  async function keys(): Promise<readonly SharedKey[]> {
    if (!kept || monotonicMs() >= kept.untilMs)
      kept = { untilMs: monotonicMs() + lookEveryMsMax, keys: await keyring.keys("records") };
    return kept.keys;
  }

  return {
    async signer() {
      const { id, key } = currentKey(await keys(), nowMs());
      const own = (secret ??= await keyring.secret(originSecret));
      return (said) => ({
        mac: macText({ keyId: id, tag: tagOf(key, said) }),
        origin: tagOf(own, said).toString("hex"),
      });
    },
    async verifier() {
      const known = new Map((await keys()).map(({ id, key }) => [id, key]));
      const own = (secret ??= await keyring.secret(originSecret));
      return (headers, { mac, ...said }) => {
        const origin = headers["origin"];
        if (origin !== undefined) return isSame(tagOf(own, said), Buffer.from(String(origin), "hex"));
        // A relay from before there were origins.
        const key = mac && known.get(mac.keyId);
        return mac !== undefined && key !== undefined && isSame(tagOf(key, said), mac.tag);
      };
    },
  };
}

function tagOf(key: Uint8Array, said: Said): Buffer {
  return createHmac("sha256", key).update(signedBytes(said)).digest().subarray(0, macTagBytes);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
