// The surface of each endpoint, made when it is first asked for and again when what it is made of is another: the servers, what
// refuses, the groups, what the servers list. All requests in between share it.

import { grantKinds, grantOf } from "@tollgate/kernel/grant";
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
    const servers = serversOf(view, group);
    const surface = makeSurface(servers, approved(catalogues, view), namingOf(group, servers.length), onClash);
    if (made.size > view.toolGroupsByName.size + 1) made.clear();
    made.set(name, { of, surface });
    return surface;
  };
}

function serversOf(view: View, group: ToolGroup | undefined): readonly Server[] {
  const grant = group && grantOf(group.tools);
  return [...view.serversByName.values()].filter(
    ({ id, name }) =>
      !view.replica.refused.has(`server/${id}`) &&
      (grant === undefined || grantKinds.some((kind) => grant.reaches(kind, name))),
  );
}

function namingOf(group: ToolGroup | undefined, servers: number): Naming {
  switch (group?.naming) {
    case undefined:
    case ToolNaming.ALWAYS:
      return "always";
    case ToolNaming.NONE:
      return "none";
    case ToolNaming.UNSPECIFIED:
    case ToolNaming.AUTO:
      return servers > 1 ? "always" : "none";
  }
}

/** Of a pinned server's tools only those that were approved as they are. */
function approved(catalogues: Catalogues, view: View): Pick<Catalogues, "of"> {
  const filtered = new Map<Catalogue, Catalogue>();
  const byId = new Map([...view.serversByName.values()].map((server) => [server.id, server]));
  return {
    of(serverId) {
      const catalogue = catalogues.of(serverId);
      const server = byId.get(serverId);
      if (catalogue === undefined || server?.catalogue !== ServerCatalogue.PINNED) return catalogue;
      const known = filtered.get(catalogue);
      if (known !== undefined) return known;
      const tools = catalogue.lists.tools.filter(({ name, sha256 }) =>
        isApproved(view, server, name, Buffer.from(sha256, "hex")),
      );
      const pinned = { ...catalogue, lists: { ...catalogue.lists, tools } };
      filtered.set(catalogue, pinned);
      return pinned;
    },
  };
}
