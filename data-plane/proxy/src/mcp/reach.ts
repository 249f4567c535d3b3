// What a principal reaches of a server besides its tools. Lists and calls ask the same questions, so what is hidden from the
// one is refused by the other.

import { reachableServer, reachesServer, type Principal, type View } from "@tollgate/kernel/view";
import type { Server } from "@tollgate/schema/resources";
import type { ListKind } from "./catalogue/catalogue.ts";

/** The server, where the principal may use what it calls `name`. */
export function reach(view: View, principal: Principal, kind: ListKind, server: Server, name: string): boolean {
  if (kind === "tools") return reachableServer(view, principal, server.name, name) !== undefined;
  return reachesServer(view, principal, server.name);
}
