// The catalogues of all servers in one process, by server, as they come from whoever watches the servers. Who wants to know
// of changes is told once for all that came together.

import type { Deadlines } from "../../upstream/deadlines.ts";
import type { Catalogue } from "./catalogue.ts";

export type Catalogues = {
  of(serverId: string): Catalogue | undefined;
  /** Another number whenever anything that is listed changed. */
  revision(): number;
  take(catalogue: Catalogue): void;
  keepOnly(serverIds: ReadonlySet<string>): void;
  onChange(listener: () => void): void;
  /** Calls back as soon as it is known what the server speaks, or that it cannot be reached; or after `msMax`. */
  whenIntroduced(
    serverId: string,
    deadlines: Deadlines,
    msMax: number,
    done: (catalogue: Catalogue | undefined) => void,
  ): void;
};

export function createCatalogues(): Catalogues {
  const known = new Map<string, Catalogue>();
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
    revision: () => revision,
    take(catalogue) {
      const before = known.get(catalogue.serverId);
      known.set(catalogue.serverId, catalogue);
      if (before?.revision !== catalogue.revision || before.health.state !== catalogue.health.state) changed();
      if (isDecided(catalogue)) for (const go of waiting.get(catalogue.serverId) ?? []) go();
    },
    keepOnly(serverIds) {
      for (const id of known.keys()) if (!serverIds.has(id) && known.delete(id)) changed();
    },
    onChange: (listener) => void listeners.push(listener),
    whenIntroduced(serverId, deadlines, msMax, done) {
      const now = known.get(serverId);
      if (now !== undefined && isDecided(now)) return done(now);
      const of = waiting.get(serverId) ?? new Set();
      waiting.set(serverId, of);
      const go = (): void => {
        unwatch();
        of.delete(go);
        if (of.size === 0) waiting.delete(serverId);
        done(known.get(serverId));
      };
      const unwatch = deadlines.watch(msMax, go);
      of.add(go);
    },
  };
}

function isDecided({ era, health }: Catalogue): boolean {
  return era !== undefined || health.state !== "connecting";
}
