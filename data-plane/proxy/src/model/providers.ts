// One pool of connections and one set of credentials for each provider, made at its first call and kept as long as its record in
// the view stays the same. A changed provider gets new ones; calls that are under way end where they began.

import type { View } from "@tollgate/kernel/view";
import type { Provider } from "@tollgate/schema/resources";
import type { OutgoingPool } from "../outgoing/pool.ts";
import { connectTimeoutMsMax, guardedPool } from "../upstream/pool.ts";
import type { SecretValues } from "../upstream/secret-values.ts";
import { createCredentials, type Credentials } from "./credentials.ts";

export type OpenProvider = {
  readonly provider: Provider;
  readonly pool: OutgoingPool;
  readonly credentials: Credentials;
  /** What stands before the protocol's own paths; without a slash at its end. */
  readonly basePath: string;
  /** To the first byte of an answer, and between two of its bytes. */
  readonly timeoutMs: number;
};

export type Providers = {
  of(provider: Provider): OpenProvider;
  /** Lets go of what the view no longer has. */
  keepOnly(view: View): void;
  close(): Promise<void>;
};

/** Each stream has one for as long as it lasts. */
const connectionsPerProviderMax = 8_192;

export function createProviders(secrets: SecretValues, nowMs: () => number): Providers {
  const byId = new Map<string, OpenProvider>();
  const leaving = new Set<OutgoingPool>();

  /** What it has under way ends by itself: an answer that says nothing for too long is given up. */
  function letGo(open: OpenProvider | undefined): void {
    if (open === undefined) return;
    leaving.add(open.pool);
    void open.pool.close().then(() => leaving.delete(open.pool));
  }

  function replace(provider: Provider): OpenProvider {
    letGo(byId.get(provider.id));
    const opened = openProvider(provider, createCredentials(provider, secrets, nowMs));
    byId.set(provider.id, opened);
    return opened;
  }

  return {
    of(provider) {
      const known = byId.get(provider.id);
      return known?.provider === provider ? known : replace(provider);
    },
    keepOnly(view) {
      for (const [id, open] of byId) {
        if (view.provider(id) !== undefined) continue;
        byId.delete(id);
        letGo(open);
      }
    },
    async close() {
      await Promise.all([...[...byId.values()].map(({ pool }) => pool), ...leaving].map((pool) => pool.destroy()));
    },
  };
}

function openProvider(provider: Provider, credentials: Credentials): OpenProvider {
  const url = new URL(provider.baseUrl);
  const timeoutMs = provider.timeoutSeconds * 1_000;
  const pool = guardedPool(url, {
    allowPrivateNetwork: provider.allowPrivateNetwork,
    connectTimeoutMs: Math.min(timeoutMs, connectTimeoutMsMax),
    connectionsMax: connectionsPerProviderMax,
  });
  return { provider, pool, credentials, basePath: url.pathname.replace(/\/+$/, ""), timeoutMs };
}
