// Batches of facts that were refused for what they are, counted by reason and told: one alarm a minute for each proxy and
// reason, because whoever forges one forges many.

import type { TollgateError } from "@tollgate/kernel/errors";
import type { FactBatch } from "@tollgate/schema/usage";
import type { Log } from "../log-output.ts";

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
