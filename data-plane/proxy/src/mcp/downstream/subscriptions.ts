// What clients have subscribed to at servers, for as long as they want it. A server that is registered anew, at another address
// or in another era, is another one to talk to under the same id: each subscription goes along with it, and is let go of
// at the former when it is held there. At a server that is retired it ends; its client hears nothing more, and may unsubscribe as ever.

import { refuses } from "@tollgate/kernel/replica";
import type { View } from "@tollgate/kernel/view";
import type { Server } from "@tollgate/schema/resources";
import type { Era } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { Peer, Peers } from "../upstream/peers.ts";
import type { ServerNotification } from "../wire/message.ts";
import { hearLegacy, type ModernNews } from "./news.ts";

export type Subscribing = {
  readonly server: Server;
  /** What the server calls it. */
  readonly own: string;
  readonly who: Parameters<Peer["sessionFor"]>[0];
  /** `about` is what was subscribed to, or a part of it. */
  heard(server: Server, about: string, notification: ServerNotification): void;
};

export type Subscriptions = {
  /** Resolves with what ends it; or with the message by which the server refused. */
  begin(wanted: Subscribing): Promise<(() => void) | Buffer>;
  /** Servers may be registered otherwise, or be met again. */
  look(view: View): void;
};

type Standing = {
  readonly wanted: Subscribing;
  /** Where it was asked for last, and not in vain. */
  at: { readonly server: Server; readonly era: Era } | undefined;
  end: () => void;
};

export type SubscriptionParts = {
  readonly peers: Peers;
  readonly news: Pick<ModernNews, "hear">;
  readonly catalogues: Pick<Catalogues, "eraOf">;
};

export function createSubscriptions({ peers, news, catalogues }: SubscriptionParts): Subscriptions {
  const standing = new Set<Standing>();
  let latest: View | undefined;

  function letGo(one: Standing): void {
    const { end } = one;
    one.at = undefined;
    one.end = nothing;
    end();
  }

  /** `former` ends what was held before, once the news come by this way: none is missed. */
  async function hear(
    wanted: Subscribing,
    server: Server,
    era: Era,
    former: () => void,
  ): Promise<(() => void) | Buffer> {
    const tell = (about: string, notification: ServerNotification): void => wanted.heard(server, about, notification);
    let leaves = former;
    try {
      const peer = peers.of(server);
      if (era === "legacy") return await hearLegacy(peer.sessionFor(wanted.who), wanted.own, tell);
      const end = news.hear(peer, wanted.own, tell, former);
      leaves = nothing;
      return end;
    } finally {
      leaves();
    }
  }

  async function settle(one: Standing, server: Server, era: Era): Promise<Buffer | undefined> {
    const former = one.end;
    const at = { server, era };
    Object.assign(one, { at, end: nothing });
    try {
      const ready = await hear(one.wanted, server, era, former);
      if (typeof ready !== "function") return ready;
      // It may have been let go of while the server was asked.
      if (one.at === at) one.end = ready;
      else ready();
      return undefined;
    } catch (error) {
      if (one.at === at) one.at = undefined;
      throw error;
    }
  }

  function follow(one: Standing, server: Server | undefined): void {
    const era = server && catalogues.eraOf(server);
    const { at } = one;
    const isThere = at !== undefined && at.server === server && (era === undefined || at.era === era);
    if (isThere) return;
    if (server === undefined || era === undefined) letGo(one);
    // A server that cannot be asked now is asked when something is another again; one that refuses has been asked.
    else settle(one, server, era).catch(() => undefined);
  }

  function look(view: View): void {
    latest = view;
    if (standing.size === 0) return;
    const byId = new Map([...view.serversByName.values()].map((server) => [server.id, server]));
    for (const one of standing) {
      const { id } = one.wanted.server;
      follow(one, refuses(view.replica, "server", id) ? undefined : byId.get(id));
    }
  }

  return {
    async begin(wanted) {
      const one: Standing = { wanted, at: undefined, end: nothing };
      const refusal = await settle(one, wanted.server, catalogues.eraOf(wanted.server) ?? "legacy");
      if (refusal !== undefined) return refusal;
      standing.add(one);
      if (latest !== undefined) look(latest);
      return () => {
        standing.delete(one);
        letGo(one);
      };
    },
    look,
  };
}

function nothing(): void {
  // It is held nowhere.
}
