// Whether the principal reaches the tool, prompt or resource: the one question of the kernel that lists ask too. What is
// hidden from the key and what does not exist are refused with the same words.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { GrantKind } from "@tollgate/kernel/tool-pattern";
import { reachable } from "@tollgate/kernel/view";
import type { Admitted, Authorised, Call, Interceptor, Target, TargetKind } from "./call.ts";
import type { Accounts } from "./record.ts";

export function authorise<C extends Call>(
  accounts: Accounts,
): Interceptor<Admitted<C> & { readonly target: Target }, Authorised<C>> {
  return (next) =>
    ({ call, view, principal, target }) => {
      const { grant, unknown } = kinds[target.kind];
      const server = reachable(view, principal, grant, target.server, target.tool);
      if (server === undefined) return accounts.refuse(call, { code: unknown }, { principal, ...target });
      next({ call, view, principal, server, tool: target.tool });
    };
}

const kinds: Record<TargetKind, { grant: GrantKind; unknown: ErrorCode }> = {
  tools: { grant: "tool", unknown: "mcp.tool-unknown" },
  prompts: { grant: "prompt", unknown: "mcp.prompt-unknown" },
  resources: { grant: "resource", unknown: "mcp.resource-unknown" },
  templates: { grant: "resource", unknown: "mcp.resource-unknown" },
};
