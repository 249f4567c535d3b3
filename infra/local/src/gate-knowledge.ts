// What the proxy says that it knows, on its admin port: which kinds of providers there are, so that only lines that work
// are printed, and how far it and its workers have come, so that "ready" holds for what was set just before. It asks the
// gate and not the control plane, because a gate that does not know yet does not serve yet.
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Problem } from "./problem.ts";

const knowledgeShape = z.object({
  /** Null before any worker has a view. */
  workersApplied: z.string().regex(/^\d+$/).transform(BigInt).nullable(),
  providers: z.array(z.object({ kind: z.string() })),
});

export type Knowledge = z.infer<typeof knowledgeShape>;

const appliedMsMax = 30_000;
const pollMs = 50;

export async function readKnowledge(proxyAdmin: string, signal: AbortSignal): Promise<Knowledge> {
  const response = await fetch(`${proxyAdmin}/debug/replica`, { signal });
  return knowledgeShape.parse(await response.json());
}

/** Every worker has applied the position. */
export async function untilApplied(proxyAdmin: string, position: bigint, signal: AbortSignal): Promise<Knowledge> {
  const deadline = performance.now() + appliedMsMax;
  for (;;) {
    const knowledge = await readKnowledge(proxyAdmin, signal);
    if (knowledge.workersApplied !== null && knowledge.workersApplied >= position) return knowledge;
    if (performance.now() > deadline)
      throw new Problem(`The proxy does not know after ${appliedMsMax / 1_000} s what the control plane was told.`);
    await delay(pollMs, undefined, { signal });
  }
}
