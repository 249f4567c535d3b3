// The catalogues of all servers in one process, by server, as they come from whoever watches the servers. Who wants to know
// of changes is told once for all that came together.

import type { Catalogue } from "./catalogue.ts";

export type Catalogues = {
  of(serverId: string): Catalogue | undefined;
  /** Another number whenever anything that is listed changed. */
  revision(): number;
  take(catalogue: Catalogue): void;
  keepOnly(serverIds: ReadonlySet<string>): void;
  onChange(listener: () => void): void;
};

export function createCatalogues(): Catalogues {
  const known = new Map<string, Catalogue>();
  const listeners: (() => void)[] = [];
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
    },
    keepOnly(serverIds) {
      for (const id of known.keys()) if (!serverIds.has(id) && known.delete(id)) changed();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
