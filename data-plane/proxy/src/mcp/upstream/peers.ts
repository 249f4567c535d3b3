// The servers as this worker talks to them: what each needs to be called, and the sessions that are open at those of the
// legacy era. A legacy client has sessions of its own, because servers keep state in them; modern clients share one for each
// key and set of capabilities. A server whose registration says so has one session for everybody, in which nobody can be
// asked, because nobody could say who is meant.

import { ServerIsolation, ServerTransport, type Server } from "@tollgate/schema/resources";
import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Upstream, Upstreams } from "../../upstream/upstreams.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { Client } from "../client.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import { ownInfo } from "../catalogue/connection.ts";
import { HeldSession, type HeldParts, type SessionListener } from "./held-session.ts";
import type { AskParts } from "./ask.ts";

export type Peer = {
  readonly server: Server;
  readonly upstream: Upstream;
  readonly parts: AskParts;
  /** The session at this (legacy) server for this client. */
  sessionFor(who: { client: Client; session: ClientSession | undefined; keyId: string }): HeldSession;
};

export type Peers = {
  of(server: Server): Peer;
  /** All sessions that a legacy client has at servers. */
  sessionsOf(session: ClientSession): Iterable<HeldSession>;
  close(): void;
};

export type PeerSettings = IdleLimits & {
  readonly messageBytesMax: number;
  /** Who hears what a server says in a legacy client's own session. */
  readonly listenerFor: (session: ClientSession, server: Server) => SessionListener;
};

/** How long a session at a server may be unused before it ends; what the server kept in it is lost then. */
export type IdleLimits = {
  /** Of one that clients share, who come and go without a word. */
  readonly sharedIdleMsMax: number;
  /** Of a legacy client's own, once nobody listens on that client's stream. */
  readonly ownIdleMsMax: number;
};

export const usualIdle: IdleLimits = { sharedIdleMsMax: 5 * 60_000, ownIdleMsMax: 60 * 60_000 };
/** Of one key's clients at one server, with what they declare: who declares something else each time gets no more. */
const sharedPerKeyMax = 16;

type Held = {
  readonly upstream: Upstream;
  readonly held: HeldSession;
  /** Of one legacy client. */
  readonly of: ClientSession | undefined;
};

/** Ends the one of a key's sessions that was used longest ago, where there are as many as may be. */
function makeRoom(shared: ReadonlyMap<string, HeldSession>, prefix: string): void {
  const own = [...shared].flatMap(([name, held]) => (name.startsWith(prefix) ? held : []));
  if (own.length < sharedPerKeyMax) return;
  const idle = own.filter(({ isIdle }) => isIdle).sort((a, b) => a.usedMs - b.usedMs);
  idle[0]?.close();
}

export function createPeers(
  upstreams: Upstreams,
  deadlines: Deadlines,
  catalogues: Catalogues,
  { messageBytesMax, listenerFor, sharedIdleMsMax, ownIdleMsMax }: PeerSettings,
): Peers {
  const known = new WeakMap<Upstream, Peer>();
  const own = new WeakMap<ClientSession, Map<Upstream, HeldSession>>();
  const all = new Set<Held>();
  let sweeping = false;

  /** What nobody used for long, and what belongs to a registration that is not in force any more. */
  function sweep(): void {
    const nowMs = performance.now();
    for (const { upstream, held, of } of all) {
      // Who is there and says nothing for a while, such as a person who reads, comes back to what he left.
      if (of?.general.isConnected === true) held.usedMs = nowMs;
      const idleMsMax = of === undefined ? sharedIdleMsMax : ownIdleMsMax;
      if (held.isIdle && (nowMs - held.usedMs > idleMsMax || !upstreams.isCurrent(upstream))) held.close();
    }
    sweeping = all.size > 0;
    if (sweeping) deadlines.watch(1_000, sweep);
  }

  function open(
    peer: Peer,
    { declared, clientInfo, of, onOver }: Pick<HeldParts, "declared" | "clientInfo" | "onOver"> & Pick<Held, "of">,
  ): HeldSession {
    const canLog = catalogues.of(peer.server.id)?.capabilities.canLog ?? false;
    const over = (): void => {
      all.delete(entry);
      onOver();
    };
    const held = new HeldSession({ ...peer.parts, declared, clientInfo, canLog, onOver: over });
    const entry: Held = { upstream: peer.upstream, held, of };
    all.add(entry);
    if (!sweeping) sweep();
    return held;
  }

  function make(server: Server, upstream: Upstream): Peer {
    const shared = new Map<string, HeldSession>();
    const peer: Peer = {
      server,
      upstream,
      parts: { upstream, upstreams, deadlines, messageBytesMax },
      sessionFor({ client, session, keyId }) {
        const isolation = isolationOf(server);
        if (isolation === "session" && session !== undefined) return ownSession(peer, session);
        const isForAll = isolation === "shared";
        const declared = isForAll ? "{}" : client.capabilities.text;
        const name = isForAll ? "" : `${keyId} ${declared}`;
        const known = shared.get(name);
        if (known !== undefined) return known;
        makeRoom(shared, `${keyId} `);
        const held = open(peer, {
          ...{ declared, clientInfo: ownInfo, of: undefined },
          onOver: () => void shared.delete(name),
        });
        shared.set(name, held);
        return held;
      },
    };
    return peer;
  }

  function ownSession(peer: Peer, session: ClientSession): HeldSession {
    const mine = own.get(session) ?? new Map<Upstream, HeldSession>();
    own.set(session, mine);
    const existing = mine.get(peer.upstream);
    if (existing !== undefined) return existing;
    const { capabilities, info } = session.client;
    const held = open(peer, {
      ...{ declared: capabilities.text, clientInfo: info === "" ? ownInfo : info, of: session },
      onOver() {
        mine.delete(peer.upstream);
        session.ends.delete(end);
      },
    });
    const end = (): void => held.close();
    session.ends.add(end);
    held.listeners.add(listenerFor(session, peer.server));
    mine.set(peer.upstream, held);
    return held;
  }

  return {
    of(server) {
      const upstream = upstreams.of(server);
      const existing = known.get(upstream);
      if (existing !== undefined) return existing;
      const peer = make(server, upstream);
      known.set(upstream, peer);
      return peer;
    },
    sessionsOf: (session) => own.get(session)?.values() ?? [],
    close() {
      for (const { held } of all) held.close();
    },
  };
}

/** A child process cannot tell its callers apart, so all share it unless it is said otherwise. */
export function isolationOf({ isolation, transport }: Server): "shared" | "session" | "principal" {
  switch (isolation) {
    case ServerIsolation.SHARED:
      return "shared";
    case ServerIsolation.PRINCIPAL:
      return "principal";
    case ServerIsolation.SESSION:
      return "session";
    case ServerIsolation.UNSPECIFIED:
      return transport === ServerTransport.STDIO ? "shared" : "session";
  }
}
