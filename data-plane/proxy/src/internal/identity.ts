// What a worker shows to other proxies and whom it believes. It is the proxy's one key and certificate, kept by the primary,
// who gives them to the workers; they hold them in memory alone, and nothing prints them. The authority is always the one
// that certified this proxy, also where the control plane itself is believed by another one.

import { constants, type X509Certificate } from "node:crypto";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { proxyName } from "@tollgate/kernel/enrolment";
import { isId } from "@tollgate/kernel/ids";

/** PEM. */
export type InternalIdentity = {
  readonly key: string;
  /** The proxy's own first, then up to the authority's. */
  readonly cert: string;
  readonly ca: string;
};

/**
 * For both sides. A connection that resumed another's session would bring the certificate that was looked at then, so
 * there are no sessions to resume.
 */
export function tlsOf({ key, cert, ca }: InternalIdentity): SecureContextOptions {
  return { key, cert, ca, minVersion: "TLSv1.3", secureOptions: constants.SSL_OP_NO_TICKET };
}

export type ProxyAtTheOtherEnd = { readonly proxyId: string; readonly untilMs: number };

/** Undefined where the certificate, which the authority has signed, is not one of a proxy. */
export function proxyAt(socket: TLSSocket): ProxyAtTheOtherEnd | undefined {
  const certificate = socket.getPeerX509Certificate();
  const proxyId = certificate && proxyIdIn(certificate);
  return proxyId === undefined ? undefined : { proxyId, untilMs: Date.parse(certificate?.validTo ?? "") };
}

/** Subject and name have to say the same: each alone could be another kind of certificate's. */
function proxyIdIn(certificate: X509Certificate): string | undefined {
  const [, proxyId = ""] = /^CN=([0-9a-z]+)$/.exec(certificate.subject) ?? [];
  return isId(proxyId) && certificate.subjectAltName === `DNS:${proxyName(proxyId)}` ? proxyId : undefined;
}
