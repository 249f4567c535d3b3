// A pool of connections to one address that the gate was told by an admin. Every connection is guarded: a name is looked up,
// checked and dialled in one go, and what may not be dialled fails before a socket is opened. Time is kept by who uses it.

import { buildConnector, Pool } from "undici";
import { TollgateError } from "@tollgate/kernel/errors";
import { guardedLookup, isDialableHost } from "./address-guard.ts";

export type PoolSettings = {
  readonly allowPrivateNetwork: boolean;
  readonly connectTimeoutMs: number;
  readonly connectionsMax: number;
};

export const connectTimeoutMsMax = 10_000;

export function guardedPool(url: URL, { allowPrivateNetwork, connectTimeoutMs, connectionsMax }: PoolSettings): Pool {
  const dial = buildConnector({
    timeout: connectTimeoutMs,
    lookup: guardedLookup(allowPrivateNetwork),
    allowH2: false,
  });
  const isRefused = !isDialableHost(url.hostname, allowPrivateNetwork);
  return new Pool(url.origin, {
    connections: connectionsMax,
    // Time is kept by the caller's deadline, for a whole call; the pool's own would restart with each byte.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) =>
      isRefused ? callback(new TollgateError("upstream.address-refused"), null) : dial(options, callback),
  });
}
