// Who calls: the key's hash against the one view that the whole call is decided by, and what the request itself takes away. This is the only place that reads the
// replica for a request. Without a view, or with one too old to know of a revocation, nobody is admitted.

import { admit } from "@tollgate/kernel/asked";
import { replicaAgeMsMaxOf, type View } from "@tollgate/kernel/view";
import type { Admitted, Call, Interceptor, Presented } from "./call.ts";
import type { Accounts } from "./record.ts";

export type ReplicaReader = {
  view(): View | undefined;
  ageMs(): number;
};

export type Authentication = {
  replica: ReplicaReader;
  environment: string;
  /** Where the environment does not say. */
  replicaAgeMsMax: number;
  wallMs: () => number;
  accounts: Accounts;
};

export function authenticate<C extends Call>(parts: Authentication): Interceptor<Presented<C>, Admitted<C>> {
  const { replica, environment, replicaAgeMsMax, wallMs, accounts } = parts;
  return (next) =>
    ({ call, credential }) => {
      const nowMs = wallMs();
      const view = replica.view();
      if (view === undefined) return accounts.refuse(call, { code: "proxy.not-ready" });
      if (replica.ageMs() > replicaAgeMsMaxOf(view, environment, replicaAgeMsMax))
        return accounts.refuse(call, { code: "proxy.replica-stale" });
      const decided = admit(view, credential, nowMs);
      if (decided.outcome === "refused") {
        const { outcome: _, principal, ...refusal } = decided;
        return accounts.refuse(call, refusal, principal && { principal });
      }
      next({ call, view, principal: decided.principal });
    };
}
