// The port at which other proxies bring what this one owns: HTTPS, shared by the workers as the public port is. Whoever has
// no certificate of a proxy from the same authority is refused at the handshake, counted, and never heard. A connection may
// outlive a certificate, so its end is looked at with each request; a request that has begun ends by itself. A certificate
// says nothing about a proxy's revocation: it is taken until it ends, and what a request may do has to be shown in it.

import type { AddressInfo } from "node:net";
import { createServer } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { connectionBounds, connectionsMax } from "../http/connection-bounds.ts";
import { createDeparture, type Departure } from "../http/departure.ts";
import { listen } from "../listen.ts";
import type { Log } from "../log-output.ts";
import { proxyAt, tlsOf, type InternalIdentity, type ProxyAtTheOtherEnd } from "./identity.ts";
import { answering, type OnRequest, type Peer } from "./peer.ts";

export type StrangerReason =
  | "no-certificate"
  /** Expired, of another authority, or not made for dialling. */
  | "certificate-refused"
  /** Of the same authority, and not a proxy's. */
  | "no-proxy"
  /** Another TLS than ours, or none. */
  | "handshake-failed";

export type InternalPortParts = {
  host: string;
  port: number;
  identity: InternalIdentity;
  onRequest: OnRequest;
  onStranger: (reason: StrangerReason) => void;
  log: Log;
};

export type InternalPort = Pick<Departure, "leave" | "drain"> & {
  port: number;
  /** What connects from now on meets this identity. */
  renew(identity: InternalIdentity): void;
};

const handshakeMsMax = 10_000;

export async function openInternalPort(parts: InternalPortParts): Promise<InternalPort> {
  const { host, port, identity, onRequest, log } = parts;
  const proxies = new WeakMap<Duplex, ProxyAtTheOtherEnd>();
  const tellStranger = strangerTeller(parts);

  function peerOf({ socket }: IncomingMessage): Peer | ErrorCode {
    const proxy = proxies.get(socket);
    // A time that cannot be read is none.
    return proxy !== undefined && proxy.untilMs > Date.now()
      ? { proxyId: proxy.proxyId }
      : "enrolment.certificate-refused";
  }

  const server = createServer(
    {
      ...connectionBounds,
      ...tlsOf(identity),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: handshakeMsMax,
    },
    answering({ peerOf, onRequest, departure: () => departure, log }),
  );
  server.maxConnections = connectionsMax;
  const departure = createDeparture(server);
  // Before the server's own listener, which reads requests from then on.
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const proxy = proxyAt(socket);
    if (proxy) return void proxies.set(socket, proxy);
    tellStranger("no-proxy", "the certificate is not a proxy's", socket);
    socket.destroy();
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const { authorizationError } = socket;
    // It is the code of what OpenSSL found, whatever its type says.
    if (authorizationError) return tellStranger("certificate-refused", String(authorizationError), socket);
    if (error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE")
      return tellStranger("no-certificate", error.code, socket);
    // Who connects and leaves without a word is a probe.
    if (error.code !== "ECONNRESET") tellStranger("handshake-failed", error.code ?? error.message, socket);
  });
  await listen(server, host, port);
  // Nothing but an address can come of a port that is open.
  const { port: open } = server.address() as AddressInfo;
  return {
    port: open,
    // All of it again: what is not named anew would fall back to Node's own choice.
    renew: (newer) => server.setSecureContext(tlsOf(newer)),
    leave: departure.leave,
    drain: departure.drain,
  };
}

/** All are counted; of each reason the first is told aloud, because a stranger decides how many there are. */
function strangerTeller({ onStranger, log }: Pick<InternalPortParts, "onStranger" | "log">) {
  const told = new Set<StrangerReason>();
  return (reason: StrangerReason, detail: string, { remoteAddress: from }: TLSSocket): void => {
    onStranger(reason);
    const text = "somebody who is no proxy of ours came to the internal port";
    if (told.has(reason)) log.debug({ reason, detail, from }, text);
    else log.warn({ reason, detail, from }, text);
    told.add(reason);
  };
}
