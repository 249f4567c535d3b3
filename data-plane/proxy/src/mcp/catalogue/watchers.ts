// Watches all servers that are registered: a new one from its registration on, a changed one anew, and what it listed stays
// until there is something better. A server about which something was not understood is not asked for anything.

import { refuses } from "@tollgate/kernel/replica";
import type { View } from "@tollgate/kernel/view";
import { Era, type Server } from "@tollgate/schema/resources";
import type { Log } from "../../log-output.ts";
import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import { openRoom, type ListLimits } from "../list-bounds.ts";
import { isolationOf } from "../upstream/peers.ts";
import type { Catalogue, Era as EraName } from "./catalogue.ts";
import { channelTransportOf } from "./channel-servers.ts";
import { watchServer, type Watch } from "./watch.ts";

export type WatchersParts = {
  readonly upstreams: Upstreams;
  readonly deadlines: Deadlines;
  readonly limits: ListLimits & { messageBytesMax: number };
  readonly log: Log;
  readonly wallMs: () => number;
  onCatalogue(catalogue: Catalogue): void;
  onRetired(serverIds: ReadonlySet<string>): void;
};

export type Watchers = {
  follow(view: View): void;
  suspect(serverId: string): void;
  /** Those that could not be met are tried now, without waiting for their turn. */
  tryAgain(): void;
  close(): void;
};

export function createWatchers(parts: WatchersParts): Watchers {
  const room = openRoom(parts.limits.listGatheredBytesMax);
  const watched = new Map<string, { server: Server; watch: Watch }>();

  function begin(server: Server): Watch {
    const upstream = parts.upstreams.of(server);
    return watchServer({
      ...parts,
      upstream,
      room,
      serverId: server.id,
      order: orderOf(server),
      interactive: isolationOf(server) !== "shared",
      messageBytesMax: parts.limits.messageBytesMax,
    });
  }

  return {
    follow(view) {
      const wanted = new Map<string, Server>();
      for (const server of view.serversByName.values())
        if (!refuses(view.replica, "server", server.id)) wanted.set(server.id, server);
      for (const [id, { server, watch }] of watched) {
        if (wanted.get(id) === server) continue;
        watch.close();
        watched.delete(id);
      }
      for (const [id, server] of wanted) if (!watched.has(id)) watched.set(id, { server, watch: begin(server) });
      parts.onRetired(new Set(wanted.keys()));
    },
    suspect: (serverId) => watched.get(serverId)?.watch.suspect(),
    tryAgain() {
      for (const { watch } of watched.values()) watch.tryAgain();
    },
    close() {
      for (const { watch } of watched.values()) watch.close();
    },
  };
}

/** Which era is tried, and which next. A program may end at a method that it does not know, and HTTP+SSE is of one era. */
function orderOf(server: Server): readonly EraName[] {
  switch (server.era) {
    case Era.LEGACY:
      return ["legacy"];
    case Era.MODERN:
      return ["modern"];
    case Era.UNSPECIFIED: {
      const transport = channelTransportOf(server);
      if (transport === undefined) return ["modern", "legacy"];
      return transport === "sse" ? ["legacy"] : ["legacy", "modern"];
    }
  }
}
