// News of single resources: who wants to hear of one is told when its server says that it changed. At a legacy server the
// subscription is the session's; a modern one is asked once for all that anybody wants, on one stream that is opened anew
// when that changes, the new one before the old one is let go.

import type { Log } from "../../log-output.ts";
import type { Deadlines } from "../../upstream/deadlines.ts";
import { noCapabilities } from "../capability-set.ts";
import { ownInfo } from "../catalogue/connection.ts";
import { nextId } from "../upstream/call.ts";
import type { HeldSession, SessionListener } from "../upstream/held-session.ts";
import { ModernCall, ownMeta } from "../upstream/modern-call.ts";
import type { Peer } from "../upstream/peers.ts";
import { memberFinder, unlessUnreadable, valueOf } from "../../bytes/members.ts";
import { readError, type ServerNotification } from "../wire/message.ts";

/** `about` is what the server says it is about: what was subscribed to, or a part of it. */
export type Heard = (about: string, notification: ServerNotification) => unknown;

const updated = "notifications/resources/updated";
const acknowledged = "notifications/subscriptions/acknowledged";
const findUri = memberFinder(["params>uri"]);
const againMs = 2_000;

export function uriOf({ method, bytes }: ServerNotification): string | undefined {
  if (method !== updated) return undefined;
  const span = findUri(bytes)["params>uri"];
  const uri = span && valueOf(bytes, span);
  return typeof uri === "string" ? uri : undefined;
}

/** At a legacy server. What is returned ends it; or it is the message by which the server refused. */
export async function hearLegacy(held: HeldSession, uri: string, heard: Heard): Promise<(() => void) | Buffer> {
  const listener: SessionListener = {
    onNotification(notification) {
      const about = uriOf(notification);
      // A server may tell of a part of what was subscribed to.
      if (about !== undefined && (about === uri || about.startsWith(uri))) heard(about, notification);
    },
    onRequest: () => false,
  };
  held.listeners.add(listener);
  try {
    const answer = await held.subscribe(uri);
    if (readError(answer) === undefined)
      return () => {
        held.listeners.delete(listener);
        held.unsubscribe(uri).catch(() => undefined); // A server that is gone tells nothing more.
      };
    held.listeners.delete(listener);
    return answer;
  } catch (error) {
    held.listeners.delete(listener);
    throw error;
  }
}

export type ModernNews = {
  /** `onHeld`: the server was asked, and has agreed or cannot now. What is returned ends it. */
  hear(peer: Peer, uri: string, heard: Heard, onHeld?: () => void): () => void;
  close(): void;
};

type Hub = {
  readonly peer: Peer;
  readonly listeners: Map<string, Set<Heard>>;
  call: ModernCall | undefined;
  isOpening: boolean;
  /** Who wants to know when the next stream is there. */
  waiting: (() => void)[];
};

export function createModernNews(deadlines: Deadlines, log: Log): ModernNews {
  const hubs = new Map<Peer, Hub>();

  function open(hub: Hub): void {
    if (hub.isOpening) return;
    hub.isOpening = true;
    // All that is asked for in this turn goes into one stream.
    setImmediate(() => {
      hub.isOpening = false;
      const former = hub.call;
      const waiting = hub.waiting.splice(0);
      const isThere = (): void => {
        former?.cancel();
        for (const go of waiting.splice(0)) go();
      };
      if (hub.listeners.size > 0) hub.call = listen(hub, isThere);
      else {
        hubs.delete(hub.peer);
        isThere();
      }
    });
  }

  function listen(hub: Hub, onAcknowledged: () => void): ModernCall {
    const id = nextId();
    const method = "subscriptions/listen";
    const filter = JSON.stringify({ resourceSubscriptions: [...hub.listeners.keys()] });
    const meta = ownMeta(noCapabilities.text, ownInfo);
    const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{"notifications":${filter},"_meta":${meta}}}`;
    const lost = (): void => {
      onAcknowledged();
      if (hub.call !== call || hubs.get(hub.peer) !== hub) return;
      hub.call = undefined;
      log.debug({ server: hub.peer.server.name }, "a stream of news ended; it is opened again");
      deadlines.watch(againMs, () => open(hub));
    };
    const call: ModernCall = new ModernCall(
      hub.peer.parts,
      { id, method, name: undefined, paramHeaders: [], body: Buffer.from(body), stays: true },
      {
        onNotification(notification) {
          if (notification.method === acknowledged) return onAcknowledged();
          unlessUnreadable(() => {
            const about = uriOf(notification);
            if (about === undefined) return;
            for (const [uri, listeners] of hub.listeners)
              if (about === uri || about.startsWith(uri)) for (const heard of listeners) heard(about, notification);
          });
        },
        onRequest: () => undefined,
        onResponse: lost,
        onFailed: lost,
      },
    );
    return call;
  }

  return {
    hear(peer, uri, heard, onHeld = nothing) {
      const hub: Hub = hubs.get(peer) ?? { peer, listeners: new Map(), call: undefined, isOpening: false, waiting: [] };
      hubs.set(peer, hub);
      const listeners = hub.listeners.get(uri) ?? new Set();
      if (listeners.size === 0) {
        hub.listeners.set(uri, listeners);
        hub.waiting.push(onHeld);
        open(hub);
      } else if (hub.isOpening) hub.waiting.push(onHeld);
      else onHeld();
      listeners.add(heard);
      return () => {
        listeners.delete(heard);
        if (listeners.size > 0 || hub.listeners.get(uri) !== listeners) return;
        hub.listeners.delete(uri);
        open(hub);
      };
    },
    close() {
      for (const { call } of hubs.values()) call?.cancel();
      hubs.clear();
    },
  };
}

function nothing(): void {
  // Nobody wants to know.
}
