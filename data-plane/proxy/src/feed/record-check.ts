// Tells what a relay of ours has written from what anybody may have put into the topic: by a code that is made with a key
// which the control plane gives to its proxies. What has none, or a wrong one, is refused, counted and told; a key that is
// not known yet is asked for. It does not look at what is said: that a record repeats an old one is the line's business.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { FromKafka } from "@tollgate/kernel/kafka-record";
import { limits } from "@tollgate/kernel/limits";
import { macTagBytes, signedBytes } from "@tollgate/kernel/record-mac";
import type { SharedKey } from "@tollgate/schema/provisions";
import type { Log as Output } from "../log-output.ts";

export type RefusedBecause = "unreadable" | "mac-missing" | "mac-wrong" | "key-unknown";

export type RecordCheck = {
  /** Whether it may be taken; what may not is counted. */
  admits(read: FromKafka | undefined): read is FromKafka;
  refused(): Readonly<Record<RefusedBecause, number>>;
};

export type RecordCheckParts = {
  keys: () => readonly SharedKey[];
  /** A key was met that is not known. */
  onUnknownKey: () => void;
  log: Pick<Output, "error">;
  wallMs: () => number;
  monotonicMs: () => number;
};

/** A flood of forgeries must not become a flood in the log. */
const tellAgainMs = 10_000;

export function createRecordCheck({ keys, onUnknownKey, log, wallMs, monotonicMs }: RecordCheckParts): RecordCheck {
  const refused: Record<RefusedBecause, number> = {
    unreadable: 0,
    "mac-missing": 0,
    "mac-wrong": 0,
    "key-unknown": 0,
  };
  let toldMs = Number.NEGATIVE_INFINITY;

  function problemOf(read: FromKafka | undefined): RefusedBecause | undefined {
    if (read === undefined) return "unreadable";
    const { mac, ...said } = read;
    if (mac === undefined) return "mac-missing";
    const shared = keys().find(({ id }) => id === mac.keyId);
    const until = shared?.acceptUntilMs;
    if (!shared || (until !== undefined && Number(until) + limits.clockSkewMs < wallMs())) return "key-unknown";
    const tag = createHmac("sha256", shared.key).update(signedBytes(said)).digest().subarray(0, macTagBytes);
    return timingSafeEqual(tag, mac.tag) ? undefined : "mac-wrong";
  }

  return {
    admits(read): read is FromKafka {
      const problem = problemOf(read);
      if (problem === undefined) return true;
      refused[problem]++;
      if (problem === "key-unknown") onUnknownKey();
      if (monotonicMs() - toldMs >= tellAgainMs) {
        toldMs = monotonicMs();
        log.error({ refused: { ...refused } }, "records in the events topic were not written by our relay; refused");
      }
      return false;
    },
    refused: () => ({ ...refused }),
  };
}
