// What a proxy refuses because it cannot enforce it, for whoever asks: the control plane, the metrics, the debug page and, once
// each, the log. A flood of it is counted as a whole and shown by its first.

import type { Replica } from "@tollgate/kernel/replica";
import type { Log as Output } from "../log-output.ts";
import type { Scoped } from "./divergence.ts";

export const shownMax = 100;

export type Refusals = { count: number; first: readonly Scoped[] };

export function refusalsOf(replica: Replica | undefined, lasting: readonly Scoped[] = []): Refusals {
  const first = [...lasting];
  for (const [scope, { position, reason }] of replica?.refused ?? []) {
    if (first.length >= shownMax) break;
    first.push({ scope, position, reason });
  }
  return { count: lasting.length + (replica?.refused.size ?? 0), first };
}

/** Tells what is new among what is refused, each scope once for as long as it lasts. */
export function refusalTeller(log: Pick<Output, "error">): (replica: Replica) => void {
  let told: Replica["refused"] = new Map();
  return ({ refused }) => {
    if (refused === told) return;
    let more = 0;
    let shown = 0;
    for (const [scope, { position, reason }] of refused) {
      if (told.has(scope)) continue;
      if (shown++ < shownMax) log.error({ scope, position: position.toString(), reason }, "a scope refuses");
      else more++;
    }
    if (more > 0) log.error({ more }, "more scopes refuse than are told one by one");
    told = refused;
  };
}
