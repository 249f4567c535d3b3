// The surface of each endpoint, made when it is first asked for and again when what it is made of is another: the servers, what
// refuses, the groups, what the servers list. All requests in between share it.

import { grantKinds, grantOf, type Grant } from "@tollgate/kernel/grant";
import { refuses } from "@tollgate/kernel/replica";
import { isApproved, type View } from "@tollgate/kernel/view";
import { ServerCatalogue, ToolNaming, type Server, type ToolGroup } from "@tollgate/schema/resources";
import type { Log } from "../../log-output.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import { makeSurface, type Naming, type Surface } from "./surface.ts";

export type Surfaces = (view: View, group: ToolGroup | undefined) => Surface;

type Made = { readonly of: readonly unknown[]; readonly surface: Surface };

export function createSurfaces(catalogues: Catalogues, log: Log): Surfaces {
  const made = new Map<string, Made>();
  const said = new Set<string>();

  function onClash(kind: string, name: string, servers: readonly string[]): void {
    const clash = `${kind} ${name} ${servers.join(" ")}`;
    if (said.has(clash) || said.size > 1_000) return;
    said.add(clash);
    log.warn({ kind, name, servers }, "servers would show two things under one name; neither is shown");
  }

  return (view, group) => {
    const { kinds, refused } = view.replica;
    const of = [view.serversByName, refused, group, kinds.get("tool-approval"), catalogues.revision()];
    const name = group?.id ?? "";
    const known = made.get(name);
    if (known !== undefined && known.of.every((part, index) => part === of[index])) return known.surface;
    const grant = group && grantOf(group.tools);
    const servers = serversOf(view, grant);
    const surface = makeSurface(servers, offered(catalogues, view), namingOf(group), onClash);
    if (made.size > view.toolGroupsByName.size + 1) made.clear();
    made.set(name, { of, surface });
    return surface;
  };
}

function serversOf(view: View, grant: Grant | undefined): readonly Server[] {
  return [...view.serversByName.values()].filter(
    ({ id, name }) =>
      !refuses(view.replica, "server", id) &&
      (grant === undefined || grantKinds.some((kind) => grant.reaches(kind, name))),
  );
}

function namingOf(group: ToolGroup | undefined): Naming {
  switch (group?.naming) {
    case undefined:
    case ToolNaming.ALWAYS:
      return "always";
    case ToolNaming.NONE:
      return "none";
    case ToolNaming.UNSPECIFIED:
    case ToolNaming.AUTO:
      return "auto";
  }
}

/** Of a pinned server's tools only those that were approved as they are. */
function offered(catalogues: Catalogues, view: View): Pick<Catalogues, "of"> {
  const approved = new Map<Catalogue, Catalogue>();
  const byId = new Map([...view.serversByName.values()].map((server) => [server.id, server]));
  return {
    of(serverId) {
      const catalogue = catalogues.of(serverId);
      const server = byId.get(serverId);
      if (catalogue === undefined || server?.catalogue !== ServerCatalogue.PINNED) return catalogue;
      const known = approved.get(catalogue);
      if (known !== undefined) return known;
      const { lists } = catalogue;
      const tools = lists.tools.filter(({ name, sha256 }) =>
        isApproved(view, server, name, Buffer.from(sha256, "hex")),
      );
      const offering = { ...catalogue, lists: { ...lists, tools } };
      approved.set(catalogue, offering);
      return offering;
    },
  };
}
