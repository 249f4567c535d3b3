// The way to other proxies: one pool of connections for each that was dialled lately. Who answers must be exactly the proxy
// that was asked for, certified by the same authority, or nothing is sent to him. A pool is made anew with a new certificate
// and after some minutes, so that nobody is believed for much longer than his certificate lives; what is under way in the
// old one ends there. It keeps no time of a request and repeats none: both are its caller's.

import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { proxyName } from "@tollgate/kernel/enrolment";
import { connectionBounds, unusedConnections } from "../http/connection-bounds.ts";
import { connecting, type Connect } from "../outgoing/connect.ts";
import { OutgoingPool } from "../outgoing/pool.ts";
import { tlsOf, type InternalIdentity } from "./identity.ts";

export type ProxyDialler = {
  /** Good for requests that begin at once; who keeps it finds it closed. `address` is `host:port`. */
  dial(address: string, proxyId: string): OutgoingPool;
  renew(identity: InternalIdentity): void;
  close(): Promise<void>;
};

export type DiallerBounds = { poolsMax: number; poolMsMax: number; idleMsMax: number };

const usualBounds: DiallerBounds = { poolsMax: 1_000, poolMsMax: 10 * 60_000, idleMsMax: 60_000 };
/** A stream that is forwarded has one for itself as long as it lasts. */
const connectionsPerProxyMax = 4_096;
const connectMsMax = 5_000;

type Dialled = { readonly pool: OutgoingPool; readonly openedMs: number; usedMs: number };

export function createProxyDialler(bounds: DiallerBounds = usualBounds): ProxyDialler {
  const dialled = new Map<string, Dialled>();
  const leaving = new Set<OutgoingPool>();
  let connector: Connect | undefined;
  const sweep = setInterval(closeIdle, bounds.idleMsMax / 2).unref();

  function open(address: string, proxyId: string): OutgoingPool {
    const servername = proxyName(proxyId);
    return new OutgoingPool(`https://${address}`, {
      connectionsMax: connectionsPerProxyMax,
      ...unusedConnections,
      headBytesMax: connectionBounds.maxHeaderSize,
      connect(options, callback) {
        if (connector) connector({ ...options, servername }, callback);
        else callback(new Error("this proxy has no certificate to dial another one with"), null);
      },
    });
  }

  function letGo(name: string, { pool }: Dialled): void {
    dialled.delete(name);
    leaving.add(pool);
    void pool.close().then(() => leaving.delete(pool));
  }

  function closeIdle(): void {
    const nowMs = performance.now();
    for (const [name, one] of dialled) {
      if (!one.pool.isIdle) one.usedMs = nowMs;
      else if (nowMs - one.usedMs >= bounds.idleMsMax) letGo(name, one);
    }
  }

  return {
    dial(address, proxyId) {
      const name = `${proxyId} ${address}`;
      const nowMs = performance.now();
      let one = dialled.get(name);
      if (one && nowMs - one.openedMs >= bounds.poolMsMax) {
        letGo(name, one);
        one = undefined;
      }
      one ??= { pool: open(address, proxyId), openedMs: nowMs, usedMs: nowMs };
      one.usedMs = nowMs;
      // The last in the order is the one that was used last.
      dialled.delete(name);
      dialled.set(name, one);
      const [oldest] = dialled;
      if (dialled.size > bounds.poolsMax && oldest) letGo(...oldest);
      return one.pool;
    },
    renew(identity) {
      connector = connecting({
        ...tlsOf(identity),
        timeout: connectMsMax,
        maxCachedSessions: 0,
        checkServerIdentity: isThatProxy,
      });
      for (const [name, one] of [...dialled]) letGo(name, one);
    },
    async close() {
      clearInterval(sweep);
      await Promise.all([...leaving, ...[...dialled.values()].map(({ pool }) => pool)].map((pool) => pool.destroy()));
    },
  };
}

function isThatProxy(name: string, certificate: PeerCertificate): Error | undefined {
  const { CN } = certificate.subject;
  if (typeof CN === "string" && proxyName(CN) === name) return checkServerIdentity(name, certificate);
  return new Error(`who answers is not ${name}, but ${String(CN)}`);
}
