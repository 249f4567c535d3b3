// A budget of a hundred dollars a month, as it stands, for tests of what clients make of what they are told of it.
import type { Allowance } from "../../data-plane/proxy/src/pipeline/allowance.ts";

const nanoPerUsd = 1_000_000_000n;

export const budgetResetMs = Date.now() + 40 * 24 * 3_600_000;

export function used(usd: bigint, changed: Partial<Allowance> = {}): Allowance {
  return {
    ...{ limitNanoUsd: 100n * nanoPerUsd, settledNanoUsd: usd * nanoPerUsd, heldNanoUsd: 0n },
    ...{ resetMs: budgetResetMs, period: "month", scope: "key", state: "ok" },
    ...changed,
  };
}

/** A tenth is spent, and calls that are under way hold all that is left. */
export const held = used(10n, { heldNanoUsd: 90n * nanoPerUsd, state: "held" });
