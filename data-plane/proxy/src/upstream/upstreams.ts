// One pool of connections and one set of headers for each server, made at its first call and kept as long as its record in
// the view stays the same. A changed server gets a new one; the old one ends what it has in flight and closes. Headers
// begin empty: nothing that a client sent is ever among them.

import { buildConnector, Pool } from "undici";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Server } from "@tollgate/schema/resources";
import type { View } from "@tollgate/kernel/view";
import { guardedLookup, isDialableHost } from "./address-guard.ts";
import type { SecretValues } from "./secret-values.ts";

export type Upstream = {
  readonly server: Server;
  readonly pool: Pool;
  readonly path: string;
  readonly timeoutMs: number;
};

export type Upstreams = {
  of(server: Server): Upstream;
  /** The headers that carry the server's credentials, name after value. Throws `upstream.secret-missing`. */
  secretHeaders(upstream: Upstream): readonly string[];
  /** Lets go of what the view no longer has. */
  keepOnly(view: View): void;
  close(): Promise<void>;
};

const connectTimeoutMsMax = 10_000;
const connectionsPerServerMax = 512;

export function createUpstreams(secrets: SecretValues): Upstreams {
  const byId = new Map<string, Upstream>();
  const headers = new WeakMap<Upstream, { generation: number; lines: readonly string[] }>();

  function replace(server: Server): Upstream {
    void byId.get(server.id)?.pool.close();
    const upstream = openUpstream(server);
    byId.set(server.id, upstream);
    return upstream;
  }

  return {
    of(server) {
      const known = byId.get(server.id);
      return known?.server === server ? known : replace(server);
    },
    secretHeaders(upstream) {
      const known = headers.get(upstream);
      if (known?.generation === secrets.generation()) return known.lines;
      const lines = upstream.server.headers.flatMap(({ name, prefix, secretId }) => {
        const value = secrets.get(secretId);
        if (value === undefined) throw new TollgateError("upstream.secret-missing");
        return [name, prefix + value];
      });
      headers.set(upstream, { generation: secrets.generation(), lines });
      return lines;
    },
    keepOnly(view) {
      for (const [id, { server, pool }] of byId) {
        if (view.serversByName.get(server.name)?.id === id) continue;
        byId.delete(id);
        void pool.close();
      }
    },
    async close() {
      await Promise.all([...byId.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

function openUpstream(server: Server): Upstream {
  const url = new URL(server.url);
  const timeoutMs = server.timeoutSeconds * 1_000;
  const connectTimeoutMs = Math.min(timeoutMs, connectTimeoutMsMax);
  const dial = buildConnector({
    timeout: connectTimeoutMs,
    lookup: guardedLookup(server.allowPrivateNetwork),
    allowH2: false,
  });
  const isRefused = !isDialableHost(url.hostname, server.allowPrivateNetwork);
  const pool = new Pool(url.origin, {
    connections: connectionsPerServerMax,
    // Time is kept by the caller's deadline, for a whole call; the pool's own would restart with each byte.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) =>
      isRefused ? callback(new TollgateError("upstream.address-refused"), null) : dial(options, callback),
  });
  return { server, pool, path: url.pathname + url.search, timeoutMs };
}
