// What is written down of a call to a model: its intent before it goes out, with the most that it can cost, and one fact for
// each completed call before the client gets the end of its answer. It is to them what `record.ts` is to calls of tools.

import { attributionOf } from "@tollgate/kernel/attribution";
import type { RunningEnd } from "@tollgate/kernel/lending/running";
import { ModelCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { nothingUsed, type TokenUsage } from "@tollgate/kernel/pricing";
import type { BoundedModelCall, DescribedModelCall, Interceptor } from "./call.ts";
import { microseconds, modelCharsMax, type AccountsParts } from "./record.ts";

export type ModelAccounts = {
  /** Goes on when it is written down that the call will go out. */
  intend<C extends DescribedModelCall>(): Interceptor<BoundedModelCall<C>, BoundedModelCall<C>>;
  /**
   * Records the call, then lets the end of its answer go. A bug in what makes the completion or in writing it down leaves
   * neither the client waiting nor the call without a fact: it then costs its bound.
   */
  completed(
    bounded: BoundedModelCall<DescribedModelCall>,
    completion: () => ModelCompletion,
    release: () => void,
  ): void;
};

export type ModelOutcome = "answered" | "provider-failed" | "client-closed";

/** What was used and what it costs, all attempts together, and how that is known. */
export type Settlement = {
  readonly basis: "exact" | "estimated" | "none" | "unmetered";
  readonly usage: TokenUsage;
  readonly costNanoUsd: bigint;
  /** Empty: no price is known. */
  readonly priceVersion: string;
};

/** What a provider says of the limits of a credential; 0 where it says nothing. */
export type Headroom = {
  readonly requestsLimit: number;
  readonly requestsRemaining: number;
  readonly tokensLimit: number;
  readonly tokensRemaining: number;
};

export type ModelCompletion = {
  readonly outcome: ModelOutcome;
  /** Of the last attempt, as all that follows until `attempts`. */
  readonly status: number;
  readonly credential: string;
  readonly modelServed: string;
  readonly providerRequestId: string;
  readonly stopReason: string;
  readonly toolUseIds: readonly string[];
  readonly headroom: Headroom;
  readonly attempts: number;
  readonly failedAttempts: readonly string[];
  readonly responseBytes: number;
  readonly firstByteMs: number;
  /** How it came to its end, for what it holds of a budget while it runs. */
  readonly end: RunningEnd;
  readonly settlement: Settlement;
};

export const noHeadroom: Headroom = { requestsLimit: 0, requestsRemaining: 0, tokensLimit: 0, tokensRemaining: 0 };

const neverSent: ModelCompletion = {
  outcome: "provider-failed",
  status: 0,
  credential: "",
  modelServed: "",
  providerRequestId: "",
  stopReason: "",
  toolUseIds: [],
  headroom: noHeadroom,
  attempts: 0,
  failedAttempts: [],
  responseBytes: 0,
  firstByteMs: 0,
  end: { kind: "said", costNanoUsd: 0n },
  settlement: { basis: "none", usage: nothingUsed, costNanoUsd: 0n, priceVersion: "" },
};

/** Of what became of it nothing is known. */
function atItsBound({ price, boundNanoUsd }: BoundedModelCall<DescribedModelCall>): ModelCompletion {
  const priceVersion = price?.version ?? "";
  return {
    ...neverSent,
    attempts: 1,
    end: { kind: "lost" },
    settlement: { basis: "estimated", usage: nothingUsed, costNanoUsd: boundNanoUsd, priceVersion },
  };
}

const outcomes = {
  answered: ModelCallOutcome.ANSWERED,
  "provider-failed": ModelCallOutcome.PROVIDER_FAILED,
  "client-closed": ModelCallOutcome.CLIENT_CLOSED,
} as const satisfies Record<ModelOutcome, ModelCallOutcome>;

const bases = {
  exact: UsageBasis.EXACT,
  estimated: UsageBasis.ESTIMATED,
  none: UsageBasis.NONE,
  unmetered: UsageBasis.UNMETERED,
} as const satisfies Record<Settlement["basis"], UsageBasis>;

export function openModelAccounts({ recorder, counters, wallMs, onBug }: AccountsParts): ModelAccounts {
  return {
    intend: () => (next) => (bounded) => {
      const { call, price, boundNanoUsd, reservation } = bounded;
      const intent = {
        requestId: call.requestId,
        timeMs: BigInt(Math.trunc(wallMs())),
        requestBytes: BigInt(call.requestBytes),
        ...whoseAndWhat(bounded),
        // Of a call that holds something, what it holds is what it costs if nothing is heard of it again.
        boundNanoUsd: reservation?.heldNanoUsd() ?? boundNanoUsd,
        priceVersion: price?.version ?? "",
      };
      recorder.intend(intent, () => {
        try {
          next(bounded);
        } catch (error) {
          // The recorder called, and with it every other call of this turn: a bug may cost this one and no other.
          onBug(call, error);
          completed(
            bounded,
            () => neverSent,
            () => call.answerRefusal({ code: "internal.bug" }),
          );
        }
      });
    },
    completed,
  };

  function completed(
    bounded: BoundedModelCall<DescribedModelCall>,
    completion: () => ModelCompletion,
    release: () => void,
  ): void {
    for (const complete of [completion, () => atItsBound(bounded)])
      try {
        return record(bounded, complete(), release);
      } catch (error) {
        onBug(bounded.call, error);
      }
    release();
  }

  function record(
    bounded: BoundedModelCall<DescribedModelCall>,
    completion: ModelCompletion,
    release: () => void,
  ): void {
    const { call } = bounded;
    const { settlement, headroom } = completion;
    const { usage } = settlement;
    bounded.reservation?.settle({
      costNanoUsd: settlement.costNanoUsd,
      tokens: BigInt(tokensOf(usage)),
      isKnown: settlement.basis !== "estimated",
      end: completion.end,
    });
    const firstByteMs = completion.firstByteMs === 0 ? 0 : Math.max(0, completion.firstByteMs - call.startedMs);
    const value = {
      ...whoseAndWhat(bounded),
      modelServed: completion.modelServed.slice(0, modelCharsMax),
      credential: completion.credential,
      outcome: outcomes[completion.outcome],
      status: completion.status,
      attempts: completion.attempts,
      failedAttempts: [...completion.failedAttempts],
      streamed: call.description.isStreamed,
      requestBytes: BigInt(call.requestBytes),
      responseBytes: BigInt(completion.responseBytes),
      firstByteUs: microseconds(firstByteMs),
      totalUs: microseconds(performance.now() - call.startedMs),
      inputTokens: BigInt(usage.inputTokens),
      cacheReadTokens: BigInt(usage.cacheReadTokens),
      cacheWrite5mTokens: BigInt(usage.cacheWrite5mTokens),
      cacheWrite1hTokens: BigInt(usage.cacheWrite1hTokens),
      outputTokens: BigInt(usage.outputTokens),
      reasoningTokens: BigInt(usage.reasoningTokens),
      webSearches: BigInt(usage.webSearches),
      basis: bases[settlement.basis],
      costNanoUsd: settlement.costNanoUsd,
      priceVersion: settlement.priceVersion,
      serviceTier: usage.serviceTier,
      stopReason: completion.stopReason,
      toolUseIds: [...completion.toolUseIds],
      providerRequestId: completion.providerRequestId,
      requestsLimit: BigInt(headroom.requestsLimit),
      requestsRemaining: BigInt(headroom.requestsRemaining),
      tokensLimit: BigInt(headroom.tokensLimit),
      tokensRemaining: BigInt(headroom.tokensRemaining),
    };
    recorder.record({ requestId: call.requestId, kind: { case: "modelCallCompleted", value } }, release);
    counters.modelCompleted({ ...completion, firstByteMs, provider: bounded.provider.name, timeMs: wallMs() });
  }
}

function tokensOf(usage: TokenUsage): number {
  const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage;
  return inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens + outputTokens;
}

/** What intent and fact say alike. */
function whoseAndWhat({ call, principal, provider, model, reservation }: BoundedModelCall<DescribedModelCall>) {
  const { operation, modelAsked, sessionId, agentId, parentAgentId, clientName, clientVersion } = call.description;
  return {
    ...attributionOf(principal),
    door: call.door,
    operation,
    modelAsked: modelAsked.slice(0, modelCharsMax),
    providerId: provider.id,
    provider: provider.name,
    model: model.slice(0, modelCharsMax),
    accounts: reservation?.accounts() ?? [],
    sessionId,
    agentId,
    parentAgentId,
    clientName,
    clientVersion,
  };
}
