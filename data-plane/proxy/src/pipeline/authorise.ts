// Whether the principal reaches the tool, prompt, resource or model: the one question of the kernel that lists ask too. What
// is hidden from the key and what does not exist are refused with the same words.

import type { ErrorCode } from "@tollgate/kernel/errors";
import { reachableModel } from "@tollgate/kernel/models";
import type { GrantKind } from "@tollgate/kernel/tool-pattern";
import { reachable } from "@tollgate/kernel/view";
import type {
  Admitted,
  AskedModel,
  Authorised,
  Call,
  Interceptor,
  ReachedProvider,
  Target,
  TargetKind,
} from "./call.ts";
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

export function authoriseModel<C extends Call>(
  accounts: Pick<Accounts, "refuse">,
): Interceptor<Admitted<C> & { readonly asked: AskedModel }, ReachedProvider<C>> {
  return (next) =>
    ({ call, view, principal, asked }) => {
      const reached = reachableModel(view, principal, asked.kind, asked.model);
      if (typeof reached === "string")
        return accounts.refuse(call, { code: reached }, { principal, model: asked.model });
      const { provider, model } = reached;
      const hidden = asked.besides.find((name) => !principal.models.allows(provider.name, name));
      // It would be called by another name otherwise.
      if (hidden !== undefined) return accounts.refuse(call, { code: "model.unknown" }, { principal, model: hidden });
      next({ call, view, principal, provider, model });
    };
}

const kinds: Record<TargetKind, { grant: GrantKind; unknown: ErrorCode }> = {
  tools: { grant: "tool", unknown: "mcp.tool-unknown" },
  prompts: { grant: "prompt", unknown: "mcp.prompt-unknown" },
  resources: { grant: "resource", unknown: "mcp.resource-unknown" },
  templates: { grant: "resource", unknown: "mcp.resource-unknown" },
};
