// What policies say of a call that grants have let through, the same for every door: the first refusal ends it, with an id by
// which the decision is found again, in the answer and in the fact. What a call counts against is handed on to where it is held.
// Where there are no policies this costs a comparison. What a call is to a policy is put together by its door.

import { decide, noObligations, type Obligations } from "@tollgate/kernel/policy/decide";
import { Subject } from "@tollgate/kernel/policy/subject";
import type { PolicyCall } from "@tollgate/kernel/policy/variables";
import type { Principal, View } from "@tollgate/kernel/view";
import type { Exchange } from "../http/listener.ts";
import type { Call } from "./call.ts";
import type { Accounts, RefusedAbout } from "./record.ts";

export type PolicyParts = { readonly accounts: Pick<Accounts, "refuse">; readonly wallMs: () => number };

type Asked = { readonly call: Call; readonly view: View; readonly principal: Principal };

/** Undefined: the call was refused, and has its answer. */
export function obeyPolicies(
  { accounts }: PolicyParts,
  { call, view, principal }: Asked,
  policyCall: () => PolicyCall,
  about: Omit<RefusedAbout, "principal">,
): Obligations | undefined {
  if (view.policies.length === 0) return noObligations;
  const decision = decide(view.policies, new Subject(principal, policyCall()));
  if (decision.outcome === "passed") return decision;
  const { code, detail, policy } = decision;
  const decisionId = decisionIdOf(call, policy.id);
  const refusal = { code, data: { decisionId }, ...(detail === "" ? {} : { detail }) };
  accounts.refuse(call, refusal, { principal, ...about, policyId: policy.id, decisionId });
  return undefined;
}

/** Of one call, what one policy said. */
export function decisionIdOf({ requestId }: Pick<Call, "requestId">, policyId: string): string {
  return `${requestId}.${policyId}`;
}

export type RequestSeen = Pick<PolicyCall, "header" | "ip">;

export function requestSeen({ request }: Exchange): RequestSeen {
  return {
    header(name) {
      const value = request.headers[name];
      return typeof value === "string" ? value : value?.join(", ");
    },
    ip: request.socket.remoteAddress ?? "",
  };
}
