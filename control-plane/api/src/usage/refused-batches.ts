// Facts that were refused for what they are, batches and Kafka's records, counted by reason and told: one alarm a minute for
// each proxy and reason, and for each partition with the count of what came in between, because whoever forges one forges
// many.

import type { TollgateError } from "@tollgate/kernel/errors";
import type { FactBatch } from "@tollgate/schema/usage";
import type { Log } from "../log-output.ts";
import type { Rejection } from "./usage-consumer.ts";

export type RefusedBatches = {
  add(error: TollgateError, batch: FactBatch): void;
  /** Since this process began. */
  byCode(): ReadonlyMap<string, number>;
};

const alarmEveryMs = 60_000;
/** What anybody may have written is a key here. */
const rememberedMax = 1_000;

export function countRefusedBatches(log: Log, monotonicMs: () => number): RefusedBatches {
  const counts = new Map<string, number>();
  const toldMs = new Map<string, number>();
  return {
    add({ code, message }, { proxyId, epoch }) {
      counts.set(code, (counts.get(code) ?? 0) + 1);
      const about = `${code} ${proxyId.slice(0, 64)}`;
      if (monotonicMs() - (toldMs.get(about) ?? Number.NEGATIVE_INFINITY) < alarmEveryMs) return;
      if (toldMs.size >= rememberedMax) toldMs.clear();
      toldMs.set(about, monotonicMs());
      log.error(
        { code, proxyId: proxyId.slice(0, 64), epoch: epoch.toString(), reason: message },
        "facts were refused",
      );
    },
    byCode: () => counts,
  };
}

/** For records that are no batches: tells of one a minute in each partition, and how many were refused since the last. */
export function tellRejections(log: Pick<Log, "error">, monotonicMs: () => number): (rejection: Rejection) => void {
  const partitions = new Map<string, { toldMs: number; untold: number }>();
  return (rejection) => {
    const name = `${rejection.topic}/${rejection.partition}`;
    const { toldMs, untold } = partitions.get(name) ?? { toldMs: Number.NEGATIVE_INFINITY, untold: 0 };
    const isTold = monotonicMs() - toldMs >= alarmEveryMs;
    partitions.set(name, isTold ? { toldMs: monotonicMs(), untold: 0 } : { toldMs, untold: untold + 1 });
    if (isTold) log.error({ ...rejection, refused: untold + 1 }, "a record of facts was refused");
  };
}
