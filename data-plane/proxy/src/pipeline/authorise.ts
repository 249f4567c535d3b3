// Whether the principal reaches the tool: the one question of the kernel that lists ask too. A tool that is hidden from the
// key and one that does not exist are refused with the same words.

import { reachableServer } from "@tollgate/kernel/view";
import type { Admitted, Authorised, Call, Interceptor, Target } from "./call.ts";
import type { Accounts } from "./record.ts";

export function authorise<C extends Call>(
  accounts: Accounts,
): Interceptor<Admitted<C> & { readonly target: Target }, Authorised<C>> {
  return (next) =>
    ({ call, view, principal, target }) => {
      const server = reachableServer(view, principal, target.server, target.tool);
      if (server === undefined) return accounts.refuse(call, { code: "mcp.tool-unknown" }, { principal, ...target });
      next({ call, view, principal, server, tool: target.tool });
    };
}
