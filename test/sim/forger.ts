// Somebody who may write to the topic and has no key: he repeats what was there, and changes it in every way that he can
// think of. He never rests, also in the calm.

import { createHmac } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { recordHeaders, tickHeaders, type Said } from "@tollgate/kernel/kafka-record";
import { macTagBytes, macText, signedBytes } from "@tollgate/kernel/record-mac";
import type { TailMessage } from "@tollgate/proxy/kafka";
import { SharedKeySchema } from "@tollgate/schema/provisions";
import type { SeededRandom } from "../support/random.ts";

export const sharedKey = create(SharedKeySchema, { id: 1, key: Buffer.alloc(32, "shared by relay and proxies") });
const ownKey = Buffer.alloc(32, "made up by the forger");

/** As it stands in the topic. */
export function written(said: Said, key = sharedKey.key, keyId = sharedKey.id): TailMessage {
  const tag = createHmac("sha256", key).update(signedBytes(said)).digest().subarray(0, macTagBytes);
  const headers = said.kind === "tick" ? tickHeaders(said.log, said.tick) : recordHeaders(said.log, said.record);
  const value = said.kind === "record" ? (said.record.body ?? null) : null;
  return { headers: asBytes({ ...headers, mac: macText({ keyId, tag }) }), value };
}

/** What he writes after he has read this. */
export function forgeries(random: SeededRandom, said: Said, history: readonly TailMessage[]): TailMessage[] {
  if (random.chance(0.03) && history.length > 0) {
    const from = random.int(history.length);
    return history.slice(from, from + 1 + random.int(8));
  }
  if (!random.chance(0.05)) return [];
  const genuine = written(said);
  const head = (name: string, text: string): TailMessage => {
    return { ...genuine, headers: { ...genuine.headers, ...asBytes({ [name]: text }) } };
  };
  const next = said.kind === "record" ? said.record.position + 1n : said.tick.head;
  const of: (() => TailMessage)[] = [
    () => ({ ...genuine, value: genuine.value?.subarray(1) ?? Buffer.of(1) }),
    () => ({ ...genuine, value: null }),
    () => ({ ...genuine, headers: { ...genuine.headers, mac: undefined } }),
    () => head("position", String(next)),
    () => head("commit", String(next)),
    () => head("tick", `${next}:${9n ** 13n}`),
    () => head("type", "tollgate.v1.KeyIssued"),
    () => head("log", `${said.log.id}:${said.log.incarnation + 1}`),
    () => written(said, ownKey),
    () => written(said, ownKey, 7),
    () => written(successor(said), ownKey),
  ];
  return [random.pick(of)()];
}

/** An event of his own, in the place where the next one is due. */
function successor(said: Said): Said {
  if (said.kind === "tick") return { ...said, tick: { ...said.tick, timeMs: said.tick.timeMs + 60_000n } };
  const { record } = said;
  const position = record.position + 1n;
  return {
    ...said,
    record: { ...record, position, commit: position, previous: record.hash, hash: Buffer.alloc(32, "made up") },
  };
}

function asBytes(headers: { [name: string]: string }): TailMessage["headers"] {
  return Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
}
