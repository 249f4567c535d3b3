// Which of the kernel's kinds of grant a list is filtered by. Lists and calls ask the same question, so what is hidden from
// the one is refused by the other.

import type { GrantKind } from "@tollgate/kernel/tool-pattern";
import { reachable, type Principal, type View } from "@tollgate/kernel/view";
import type { Server } from "@tollgate/schema/resources";
import type { ListKind } from "./catalogue/catalogue.ts";

export const grantKindOf: Record<ListKind, GrantKind> = {
  tools: "tool",
  prompts: "prompt",
  resources: "resource",
  templates: "resource",
};

export function isReached(view: View, principal: Principal, kind: ListKind, server: Server, name: string): boolean {
  return reachable(view, principal, grantKindOf[kind], server.name, name) !== undefined;
}
