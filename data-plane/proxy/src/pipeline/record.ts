// What happened, as facts: one for each completed call and each refusal, written to the spool before the client gets the end
// of its answer. It counts the same for the metrics. Facts hold names and numbers, never content and never a credential.

import type { Principal } from "@tollgate/kernel/view";
import { ToolCallOutcome } from "@tollgate/schema/usage";
import type { Recorder } from "../facts/recorder.ts";
import type { Completion } from "../upstream/relay.ts";
import type { Authorised, Call, Refusal } from "./call.ts";
import type { Counters } from "./counters.ts";

export type Accounts = {
  /** Records the refusal, then answers it. */
  refuse(call: Call, refusal: Refusal, about?: RefusedAbout): void;
  /** Records the call, then lets the end of its answer go. */
  completed(authorised: Authorised<Call>, completion: Completion, release: () => void): void;
};

export type RefusedAbout = { readonly principal: Principal; readonly server?: string; readonly tool?: string };

const outcomes = {
  answered: ToolCallOutcome.ANSWERED,
  "upstream-failed": ToolCallOutcome.UPSTREAM_FAILED,
  "client-closed": ToolCallOutcome.CLIENT_CLOSED,
} as const satisfies Record<Completion["outcome"], ToolCallOutcome>;

export function openAccounts(recorder: Pick<Recorder, "record">, counters: Counters): Accounts {
  return {
    refuse(call, refusal, about) {
      counters.refused(refusal.code);
      const value = {
        keyId: about?.principal.key.id ?? "",
        teamId: about?.principal.team.id ?? "",
        code: refusal.code,
        door: call.door,
        server: about?.server ?? "",
        tool: about?.tool ?? "",
      };
      const kind = { case: "callRefused", value } as const;
      recorder.record({ requestId: call.requestId, kind }, () => call.answerRefusal(refusal));
    },
    completed({ call, principal, server, tool }, completion, release) {
      counters.completed(completion.outcome);
      const value = {
        keyId: principal.key.id,
        teamId: principal.team.id,
        serverId: server.id,
        server: server.name,
        tool,
        outcome: outcomes[completion.outcome],
        upstreamStatus: completion.upstreamStatus,
        requestBytes: BigInt(call.requestBytes),
        responseBytes: BigInt(completion.responseBytes),
        firstByteUs: microseconds(completion.firstByteMs),
        totalUs: microseconds(performance.now() - call.startedMs),
      };
      recorder.record({ requestId: call.requestId, kind: { case: "toolCallCompleted", value } }, release);
    },
  };
}

function microseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000));
}
