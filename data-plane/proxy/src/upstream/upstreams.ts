// One pool of connections and one set of headers for each server, made at its first call and kept as long as its record in
// the view stays the same. A changed server gets a new one; the old one ends what it has in flight and closes. Headers
// begin empty: nothing that a client sent is ever among them.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Server } from "@tollgate/schema/resources";
import type { View } from "@tollgate/kernel/view";
import { channelTransportOf } from "../mcp/catalogue/channel-servers.ts";
import { connecting } from "../outgoing/connect.ts";
import { OutgoingPool } from "../outgoing/pool.ts";
import { connectTimeoutMsMax, guardedPool } from "./pool.ts";
import type { SecretValues } from "./secret-values.ts";

export type Upstream = {
  readonly server: Server;
  readonly pool: OutgoingPool;
  /** For streams that stay open: they must not take the places of calls. */
  readonly streams: OutgoingPool;
  readonly path: string;
  readonly timeoutMs: number;
};

export type Upstreams = {
  of(server: Server): Upstream;
  /** The headers that carry the server's credentials, name after value. Throws `upstream.secret-missing`. */
  secretHeaders(upstream: Upstream): readonly string[];
  /** False once the server was registered otherwise, or retired. */
  isCurrent(upstream: Upstream): boolean;
  /** Lets go of what the view no longer has. */
  keepOnly(view: View): void;
  close(): Promise<void>;
};

/** How long calls that are under way, and those that wait for their clients, may use a registration that is not in force any more. */
const outlivesMs = 15 * 60_000;
const connectionsPerServerMax = 512;
const streamsPerServerMax = 4_096;

/** `channelSocket`: where servers are found that do not speak Streamable HTTP themselves. */
export function createUpstreams(secrets: SecretValues, channelSocket?: string): Upstreams {
  const byId = new Map<string, Upstream>();
  const outlived = new Set<Upstream>();
  const headersOf = new WeakMap<Upstream, { generation: number; lines: readonly string[] }>();

  /** New calls go to what is in force; those that are under way end where they began. */
  function letGo(upstream: Upstream | undefined): void {
    if (upstream === undefined) return;
    outlived.add(upstream);
    const end = (): void => {
      outlived.delete(upstream);
      void upstream.pool.close();
      void upstream.streams.close();
    };
    setTimeout(end, outlivesMs).unref();
  }

  function replace(server: Server): Upstream {
    letGo(byId.get(server.id));
    const upstream =
      channelTransportOf(server) === undefined ? openUpstream(server) : openChannelUpstream(server, channelSocket);
    byId.set(server.id, upstream);
    return upstream;
  }

  return {
    of(server) {
      const known = byId.get(server.id);
      return known?.server === server ? known : replace(server);
    },
    secretHeaders(upstream) {
      const known = headersOf.get(upstream);
      if (known?.generation === secrets.generation()) return known.lines;
      const { headers, environment } = upstream.server;
      const isChannel = channelTransportOf(upstream.server) !== undefined;
      const sent = isChannel ? [...headers, ...environment.filter((one) => one.secretId !== "")] : headers;
      const values = sent.flatMap(({ name, prefix, secretId }) => {
        const value = secrets.get(secretId);
        if (value === undefined) throw new TollgateError("upstream.secret-missing");
        return [name, prefix + value];
      });
      // Over a channel they are the channel's own to send: here it only matters that they are at hand.
      const lines = isChannel ? [] : values;
      headersOf.set(upstream, { generation: secrets.generation(), lines });
      return lines;
    },
    isCurrent: (upstream) => byId.get(upstream.server.id) === upstream,
    keepOnly(view) {
      for (const [id, upstream] of byId) {
        if (view.serversByName.get(upstream.server.name)?.id === id) continue;
        byId.delete(id);
        letGo(upstream);
      }
    },
    async close() {
      await Promise.all(
        [...byId.values(), ...outlived].flatMap(({ pool, streams }) => [pool.destroy(), streams.destroy()]),
      );
    },
  };
}

function openUpstream(server: Server): Upstream {
  const url = new URL(server.url);
  const timeoutMs = server.timeoutSeconds * 1_000;
  const { allowPrivateNetwork } = server;
  const connectTimeoutMs = Math.min(timeoutMs, connectTimeoutMsMax);
  const open = (connectionsMax: number) => guardedPool(url, { allowPrivateNetwork, connectTimeoutMs, connectionsMax });
  const pool = open(connectionsPerServerMax);
  const streams = open(streamsPerServerMax);
  return { server, pool, streams, path: url.pathname + url.search, timeoutMs };
}

/** The address of the channel host does not depend on the server's; nothing but a path of it is asked. */
function openChannelUpstream(server: Server, socketPath: string | undefined): Upstream {
  if (socketPath === undefined) throw new TollgateError("upstream.not-ready", "No channels are open here.");
  const connect = connecting({ socketPath });
  const open = (connectionsMax: number) => new OutgoingPool("http://localhost", { connect, connectionsMax });
  return {
    server,
    pool: open(connectionsPerServerMax),
    streams: open(streamsPerServerMax),
    path: `/${server.id}`,
    timeoutMs: server.timeoutSeconds * 1_000,
  };
}
