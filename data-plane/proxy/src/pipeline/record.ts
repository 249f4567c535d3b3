// What happens, as the spool is told: the intent of a call before it goes out, one fact for each completed call before the
// client gets the end of its answer, and one for each refusal, as long as they are few. It counts the same for the metrics.
// Intents and facts hold names and numbers, never content and never a credential. Calls to models are in `model-record.ts`.

import { attributionOf, type Attribution } from "@tollgate/kernel/attribution";
import type { Principal } from "@tollgate/kernel/view";
import { Era } from "@tollgate/schema/resources";
import { ToolCallOutcome } from "@tollgate/schema/usage";
import type { Recorder } from "../facts/recorder.ts";
import type { Authorised, Call, Described, Description, Interceptor, Refusal } from "./call.ts";
import type { Counters } from "./counters.ts";
import { createRefusalBudget } from "./refusal-budget.ts";

export type Accounts = {
  /** Records the refusal, then answers it. */
  refuse(call: Call, refusal: Refusal, about?: RefusedAbout): void;
  /** Goes on when it is written down that the call will go out. */
  intend<C extends Described>(): Interceptor<Authorised<C>, Authorised<C>>;
  /** Records the call, then lets the end of its answer go. */
  completed(authorised: Authorised<Described>, completion: Completion, release: () => void): void;
  /** Writes what was only counted so far. */
  close(): void;
};

export type Completion = {
  /** `input-required`: the client was asked something, and comes again. */
  readonly outcome: "answered" | "upstream-failed" | "client-closed" | "input-required";
  readonly upstreamStatus: number;
  readonly responseBytes: number;
  readonly firstByteMs: number;
  /** Undefined where the server was never met. */
  readonly serverEra: Description["clientEra"] | undefined;
};

export type RefusedAbout = {
  readonly principal: Principal;
  readonly server?: string;
  readonly tool?: string;
  readonly model?: string;
  readonly policyId?: string;
  readonly decisionId?: string;
};

export type AccountsParts = {
  recorder: Pick<Recorder, "record" | "intend">;
  counters: Counters;
  wallMs: () => number;
  onBug: (call: Call, error: unknown) => void;
};

/** As a client writes it, it may be anything. */
export const modelCharsMax = 256;

const noAnswer: Completion = {
  outcome: "upstream-failed",
  upstreamStatus: 0,
  responseBytes: 0,
  firstByteMs: 0,
  serverEra: undefined,
};

const nobody: Attribution = { keyId: "", teamId: "", userId: "", customerId: "", labels: [] };

const eras = { legacy: Era.LEGACY, modern: Era.MODERN } as const satisfies Record<Description["clientEra"], Era>;

const outcomes = {
  answered: ToolCallOutcome.ANSWERED,
  "upstream-failed": ToolCallOutcome.UPSTREAM_FAILED,
  "client-closed": ToolCallOutcome.CLIENT_CLOSED,
  "input-required": ToolCallOutcome.INPUT_REQUIRED,
} as const satisfies Record<Completion["outcome"], ToolCallOutcome>;

export function openAccounts({ recorder, counters, wallMs, onBug }: AccountsParts): Accounts {
  const budget = createRefusalBudget({
    wallMs,
    onTogether: (value) => recorder.record({ requestId: "", kind: { case: "callsRefused", value } }),
  });
  return {
    refuse(call, refusal, about) {
      counters.refused(refusal.code);
      const { labels, ...account } = about === undefined ? nobody : attributionOf(about.principal);
      const whose = { ...account, code: refusal.code, door: call.door };
      if (!budget.allows(whose)) return call.answerRefusal(refusal);
      const model = (about?.model ?? "").slice(0, modelCharsMax);
      const value = {
        ...whose,
        labels,
        server: about?.server ?? "",
        tool: about?.tool ?? "",
        model,
        policyId: about?.policyId ?? "",
        decisionId: about?.decisionId ?? "",
      };
      const kind = { case: "callRefused", value } as const;
      recorder.record({ requestId: call.requestId, kind }, () => call.answerRefusal(refusal));
    },
    intend: () => (next) => (authorised) => {
      const { call, principal, server, tool } = authorised;
      const { method, clientEra, toolUseId, sessionId, clientName, clientVersion } = call.description;
      const { keyId, teamId, userId, customerId, labels } = attributionOf(principal);
      const { costNanoUsd, isPriceUnknown, accounts } = costOf(authorised);
      const intent = {
        requestId: call.requestId,
        timeMs: BigInt(Math.trunc(wallMs())),
        keyId,
        teamId,
        userId,
        customerId,
        labels,
        serverId: server.id,
        server: server.name,
        tool,
        requestBytes: BigInt(call.requestBytes),
        method,
        clientEra: eras[clientEra],
        toolUseId,
        sessionId,
        clientName,
        clientVersion,
        costNanoUsd,
        isPriceUnknown,
        accounts,
      };
      recorder.intend(intent, () => {
        try {
          next(authorised);
        } catch (error) {
          // The recorder called, and with it every other call of this turn: a bug may cost this one and no other.
          onBug(call, error);
          completed(authorised, noAnswer, () => call.answerRefusal({ code: "internal.bug" }));
        }
      });
    },
    completed,
    close: () => budget.close(),
  };

  function completed(authorised: Authorised<Described>, completion: Completion, release: () => void): void {
    const { call, principal, server, tool, reservation } = authorised;
    counters.completed(completion.outcome);
    reservation?.settle();
    const { method, clientEra, toolUseId, sessionId, clientName, clientVersion } = call.description;
    const { serverEra } = completion;
    const { keyId, teamId, userId, customerId, labels } = attributionOf(principal);
    const { costNanoUsd, isPriceUnknown, accounts } = costOf(authorised);
    const value = {
      keyId,
      teamId,
      userId,
      customerId,
      labels,
      serverId: server.id,
      server: server.name,
      tool,
      outcome: outcomes[completion.outcome],
      upstreamStatus: completion.upstreamStatus,
      requestBytes: BigInt(call.requestBytes),
      responseBytes: BigInt(completion.responseBytes),
      firstByteUs: microseconds(completion.firstByteMs),
      totalUs: microseconds(performance.now() - call.startedMs),
      method,
      clientEra: eras[clientEra],
      serverEra: serverEra === undefined ? Era.UNSPECIFIED : eras[serverEra],
      toolUseId,
      sessionId,
      clientName,
      clientVersion,
      costNanoUsd,
      isPriceUnknown,
      accounts,
    };
    recorder.record({ requestId: call.requestId, kind: { case: "toolCallCompleted", value } }, release);
  }
}

/** What intent and fact say alike. */
function costOf({ price, reservation }: Authorised<Described>) {
  if (price === undefined) return { costNanoUsd: 0n, isPriceUnknown: false, accounts: [] };
  const { nanoUsd } = price;
  return { costNanoUsd: nanoUsd ?? 0n, isPriceUnknown: nanoUsd === undefined, accounts: reservation?.accounts() ?? [] };
}

export function microseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000));
}
