// The catalogues of all servers in one process, by server, as they come from whoever watches the servers. Who wants to know
// of changes is told once for all that came together. A server that was moved keeps showing what it listed until the
// watcher has met it at its new place, but what it speaks is not taken from one place to the other.

import type { Server } from "@tollgate/schema/resources";
import type { Deadlines } from "../../upstream/deadlines.ts";
import { placeOf, type Catalogue, type Era } from "./catalogue.ts";

export type Catalogues = {
  of(serverId: string): Catalogue | undefined;
  /** What the server speaks where this registration has it; undefined while nobody has found out. */
  eraOf(server: Server): Era | undefined;
  /** Another number whenever anything that is listed changed. */
  revision(): number;
  take(catalogue: Catalogue): void;
  keepOnly(serverIds: ReadonlySet<string>): void;
  onChange(listener: () => void): void;
  /**
   * Calls back as soon as it is known what the server speaks where it is, or that it cannot be reached; or after `msMax`,
   * with what is known.
   */
  whenIntroduced(
    server: Server,
    deadlines: Deadlines,
    msMax: number,
    done: (catalogue: Catalogue | undefined) => void,
  ): void;
};

export function createCatalogues(): Catalogues {
  const known = new Map<string, Catalogue>();
  /** Of servers that were moved, for calls that began before. */
  const former = new Map<string, Catalogue>();
  const listeners: (() => void)[] = [];
  const waiting = new Map<string, Set<() => void>>();
  let revision = 0;
  let isTold = true;

  function changed(): void {
    revision++;
    if (!isTold) return;
    isTold = false;
    setImmediate(() => {
      isTold = true;
      for (const listener of listeners) listener();
    });
  }

  return {
    of: (serverId) => known.get(serverId),
    eraOf(server) {
      const place = placeOf(server);
      return [known.get(server.id), former.get(server.id)].find((catalogue) => catalogue?.place === place)?.era;
    },
    revision: () => revision,
    take(catalogue) {
      const before = known.get(catalogue.serverId);
      known.set(catalogue.serverId, catalogue);
      if (before?.revision !== catalogue.revision || before.health.state !== catalogue.health.state) changed();
      if (before !== undefined && before.place !== catalogue.place) former.set(catalogue.serverId, before);
      if (isDecided(catalogue)) for (const go of waiting.get(nameOf(catalogue)) ?? []) go();
    },
    keepOnly(serverIds) {
      for (const id of former.keys()) if (!serverIds.has(id)) former.delete(id);
      for (const id of known.keys()) if (!serverIds.has(id) && known.delete(id)) changed();
    },
    onChange: (listener) => void listeners.push(listener),
    whenIntroduced(server, deadlines, msMax, done) {
      const now = known.get(server.id);
      const place = placeOf(server);
      if (now?.place === place && isDecided(now)) return done(now);
      const name = nameOf({ serverId: server.id, place });
      const of = waiting.get(name) ?? new Set();
      waiting.set(name, of);
      const go = (): void => {
        unwatch();
        of.delete(go);
        if (of.size === 0) waiting.delete(name);
        done(known.get(server.id));
      };
      const unwatch = deadlines.watch(msMax, go);
      of.add(go);
    },
  };
}

function nameOf({ serverId, place }: Pick<Catalogue, "serverId" | "place">): string {
  return `${serverId} ${place}`;
}

function isDecided({ era, health }: Catalogue): boolean {
  return era !== undefined || health.state !== "connecting";
}
