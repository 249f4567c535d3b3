// What the gate counted of each call beside what the mock provider bills for it, in one form and one order, so that they can be
// held against each other. A call without a bill is one that cost nothing, and is counted as that or not at all.
import { UsageBasis } from "@tollgate/schema/usage";
import type { MockProvider } from "../../infra/mock-provider/provider.ts";
import type { ModelFact } from "./model-gate.ts";

export interface Count {
  /** The provider's number of the request. */
  readonly requestId: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export function counted(facts: readonly ModelFact[]): Count[] {
  const known = facts.filter(({ basis }) => basis === UsageBasis.EXACT);
  return known.map(countOf).filter(isSomething).sort(byRequest);
}

export function billed({ bill }: Pick<MockProvider, "bill">): Count[] {
  return bill()
    .map(({ requestId, model, usage }) => {
      const { inputTokens, cacheReadTokens, outputTokens, reasoningTokens } = usage;
      return { requestId, model, inputTokens, cachedTokens: cacheReadTokens, outputTokens, reasoningTokens };
    })
    .sort(byRequest);
}

function countOf(fact: ModelFact): Count {
  return {
    requestId: fact.providerRequestId ?? "",
    model: fact.model ?? "",
    inputTokens: Number(fact.inputTokens ?? 0),
    cachedTokens: Number(fact.cacheReadTokens ?? 0),
    outputTokens: Number(fact.outputTokens ?? 0),
    reasoningTokens: Number(fact.reasoningTokens ?? 0),
  };
}

function isSomething({ inputTokens, cachedTokens, outputTokens }: Count): boolean {
  return inputTokens + cachedTokens + outputTokens > 0;
}

function byRequest(a: Count, b: Count): number {
  return a.requestId < b.requestId ? -1 : 1;
}
