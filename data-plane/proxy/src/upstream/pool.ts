// A pool of connections to one address that the gate was told by an admin. Every connection is guarded: a name is looked up,
// checked and dialled in one go, and what may not be dialled fails before a socket is opened. Time is kept by who uses it.

import { TollgateError } from "@tollgate/kernel/errors";
import { connecting } from "../outgoing/connect.ts";
import { OutgoingPool } from "../outgoing/pool.ts";
import { guardedLookup, isDialableHost } from "./address-guard.ts";

export type PoolSettings = {
  readonly allowPrivateNetwork: boolean;
  readonly connectTimeoutMs: number;
  readonly connectionsMax: number;
};

export const connectTimeoutMsMax = 10_000;

export function guardedPool(
  url: URL,
  { allowPrivateNetwork, connectTimeoutMs, connectionsMax }: PoolSettings,
): OutgoingPool {
  const dial = connecting({ timeout: connectTimeoutMs, lookup: guardedLookup(allowPrivateNetwork) });
  const isRefused = !isDialableHost(url.hostname, allowPrivateNetwork);
  return new OutgoingPool(url.origin, {
    connectionsMax,
    connect: (options, callback) =>
      isRefused ? callback(new TollgateError("upstream.address-refused"), null) : dial(options, callback),
  });
}
