// The MCP gate of one worker, put together: what is known of the servers, what endpoints show of it, who listens, and the line
// that a call takes. It begins when there is a view, and follows it.

import type { View } from "@tollgate/kernel/view";
import type { Config } from "../config.ts";
import type { Door } from "../http/listener.ts";
import type { Desk } from "../lending/desk.ts";
import type { Log } from "../log-output.ts";
import type { ReplicaReader } from "../pipeline/authenticate.ts";
import { authorise } from "../pipeline/authorise.ts";
import type { Accounts } from "../pipeline/record.ts";
import type { Sealer } from "../sealing/sealer.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { createCatalogues, type Catalogues } from "./catalogue/catalogues.ts";
import { createWatchers } from "./catalogue/watchers.ts";
import { mcpDoor } from "./door.ts";
import { createAnnouncements } from "./downstream/announcements.ts";
import { ClientSessions } from "./downstream/client-sessions.ts";
import { createModernNews } from "./downstream/news.ts";
import { createStreams } from "./downstream/streams.ts";
import { createSubscriptions } from "./downstream/subscriptions.ts";
import type { Errand, Leg } from "./forward/errand.ts";
import { forward, type Forwarding } from "./forward/forward.ts";
import { ParkedCalls } from "./forward/parked-calls.ts";
import { reserveTool } from "./forward/reserve.ts";
import { place } from "./forward/resume.ts";
import { createPlacement, type Neighbours } from "./placement/placement.ts";
import { listenerFor } from "./rev2025-11-25/streams.ts";
import { createSurfaces } from "./surface/surfaces.ts";
import { serverPolicies } from "./policies.ts";
import { createPeers, usualIdle } from "./upstream/peers.ts";

export type McpParts = {
  readonly config: Config;
  readonly log: Log;
  readonly replica: ReplicaReader;
  readonly accounts: Accounts;
  readonly deadlines: Deadlines;
  readonly upstreams: Upstreams;
  readonly sealer: Sealer;
  readonly wallMs: () => number;
  readonly neighbours: Neighbours;
  readonly desk: Desk | undefined;
  readonly mayHold: () => boolean;
  /** Undefined: the servers are watched here. */
  readonly onSuspect: ((serverId: string) => void) | undefined;
};

export type Mcp = {
  readonly door: Door;
  readonly catalogues: Catalogues;
  viewChanged(view: View): void;
  /** What a server waits for may be there now. */
  secretsChanged(): void;
  counts(): { sessions: number; streams: number; parked: number };
  /** Streams are ended, spread over the time. */
  drain(spreadMs: number): Promise<void>;
  close(): void;
};

const sweepMs = 30_000;
const sessionLifeMsMax = 30 * 24 * 3_600_000;

export function openMcp(parts: McpParts): Mcp {
  const { config, log, replica, accounts, deadlines, upstreams, sealer, wallMs, neighbours } = parts;
  const catalogues = createCatalogues();
  /** The newest, for what belongs to no request. */
  let shown: View | undefined;
  const watchers =
    parts.onSuspect === undefined
      ? createWatchers({
          ...{ upstreams, deadlines, log, wallMs, limits: config },
          onCatalogue: catalogues.take,
          onRetired: catalogues.keepOnly,
        })
      : undefined;
  const onSuspect = parts.onSuspect ?? ((serverId: string) => watchers?.suspect(serverId));
  const surfaces = createSurfaces(catalogues, log);
  const announcements = createAnnouncements({ view: () => shown, surfaceOf: surfaces, wallMs });
  const news = createModernNews(deadlines, log);
  const streams = createStreams(config);
  const placement = createPlacement(neighbours);
  const sessions = new ClientSessions({ ...config, sessionLifeMsMax }, sealer, wallMs, neighbours.self);
  const peers = createPeers(upstreams, deadlines, catalogues, {
    ...{ ...config, ...usualIdle },
    listenerFor: (session, server) => listenerFor(announcements, session, server),
  });
  const parked = new ParkedCalls<Leg>(config, sealer, deadlines, neighbours.self, wallMs);

  // The line of a call.
  const forwarding: Forwarding = { peers, catalogues, parked, deadlines, accounts, log, onSuspect };
  const intend = accounts.intend<Errand>();
  const reserving = { desk: parts.desk, accounts, mayHold: parts.mayHold };
  const placed = place(
    { catalogues, parked, accounts, placement },
    {
      forward: reserveTool(reserving, true)(intend(forward(forwarding))),
      resume: (waiting, round) => reserveTool(reserving, false)(intend((leg) => waiting.resume(leg, round))),
    },
  );
  const send = authorise<Errand>(accounts)(serverPolicies({ accounts, wallMs })(placed));
  const methods = { catalogues, sealer, wallMs, listBytesMax: config.listBytesMax, accounts, send };
  const subscriptions = createSubscriptions({ peers, news, catalogues });
  const shared = { ...methods, announcements, subscriptions, peers };
  catalogues.onChange(() => {
    announcements.look();
    if (shown !== undefined) subscriptions.look(shown);
  });
  const door = mcpDoor({
    ...{ replica, environment: config.environment, replicaAgeMsMax: config.replicaAgeMsMax, wallMs },
    ...{ accounts, surfaces, sessions, streams, placement, log, settings: config },
    legacy: { ...shared, sessions },
    modern: methods,
    listening: { announcements, subscriptions, catalogues },
  });

  function sweep(): void {
    sessions.endIdle();
    // That a key's time is over is told by nothing but the clock.
    announcements.look();
    if (shown !== undefined) subscriptions.look(shown);
    deadlines.watch(sweepMs, sweep);
  }
  sweep();

  return {
    door,
    catalogues,
    viewChanged(view) {
      shown = view;
      watchers?.follow(view);
      announcements.look();
      subscriptions.look(view);
      sessions.keepOnly((keyId) => view.replica.kinds.get("key")?.entries.get(keyId) !== undefined);
    },
    secretsChanged: () => watchers?.tryAgain(),
    counts: () => ({ sessions: sessions.size, streams: streams.count(), parked: parked.size }),
    drain: streams.drain,
    close() {
      watchers?.close();
      news.close();
      parked.expireAll();
      for (const session of sessions.all()) sessions.end(session);
      peers.close();
    },
  };
}
