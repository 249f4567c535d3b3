// Who may call over which door. On the socket it is whoever has the token of this boot; he says himself which proxy he is.
// Over TLS it is the proxy that its certificate names, as long as the certificate is valid and the proxy enrolled and not
// revoked: all of that is looked at with each call, because connections outlive both. A stream that was admitted ends when
// its certificate does or the proxy is revoked.

import { createHash, timingSafeEqual } from "node:crypto";
import { TollgateError } from "@tollgate/kernel/errors";
import { isId } from "@tollgate/kernel/ids";
import type { Metadata } from "@grpc/grpc-js";
import type { Database } from "../database.ts";
import type { Admit } from "../grpc-server.ts";
import { foldStream } from "../log/fold-stream.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import type { Revocations } from "./revocations.ts";

const bootPattern = /^[0-9a-f-]{36}$/;

export function admitByToken(token: string): Admit {
  const expected = createHash("sha256").update(`Bearer ${token}`).digest();
  return ({ metadata }) => {
    const sent = createHash("sha256").update(said(metadata, "authorization")).digest();
    if (!timingSafeEqual(sent, expected)) throw new TollgateError("enrolment.token-refused");
    const proxyId = said(metadata, "tollgate-proxy");
    if (!isId(proxyId)) throw new TollgateError("request.invalid", "A call says which proxy it comes from.");
    return { caller: { proxyId, boot: bootOf(metadata) } };
  };
}

export type CertificateAdmission = {
  database: Pick<Database, "sql">;
  revocations: Pick<Revocations, "onRevoked">;
  nowMs: () => number;
};

/** The longest that a timer can count; a certificate that lives on then is looked at with the next call. */
const timerMsMax = 2 ** 31 - 1;

export function admitByCertificate({ database, revocations, nowMs }: CertificateAdmission): Admit {
  return async ({ metadata, certificate }) => {
    const proxyId = certificate?.subject.CN;
    const untilMs = Date.parse(certificate?.valid_to ?? "");
    // A time that cannot be read is none.
    if (typeof proxyId !== "string" || !isId(proxyId) || !(untilMs > nowMs()))
      throw new TollgateError("enrolment.certificate-refused");
    const proxy = await foldStream(database.sql, proxyDecider, proxyId);
    if (!proxy) throw new TollgateError("enrolment.proxy-refused");
    if (proxy.revokedAtMs !== undefined) throw new TollgateError("enrolment.proxy-revoked");
    return {
      caller: { proxyId, boot: bootOf(metadata) },
      onEnd(end) {
        const expire = (): void => end(new TollgateError("enrolment.certificate-refused"));
        const timer = setTimeout(expire, Math.min(untilMs - nowMs(), timerMsMax)).unref();
        const forget = revocations.onRevoked(proxyId, () => end(new TollgateError("enrolment.proxy-revoked")));
        return () => {
          clearTimeout(timer);
          forget();
        };
      },
    };
  };
}

function bootOf(metadata: Metadata): string {
  const boot = said(metadata, "tollgate-boot");
  if (!bootPattern.test(boot)) throw new TollgateError("request.invalid", "A call says which boot it comes from.");
  return boot;
}

function said(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? "");
}
