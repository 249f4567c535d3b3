// Certificates of proxies as the control plane's authority makes them, and as it made them before proxies dialled each other,
// without a database: for specs of what proxies show each other.

import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { issue, newAuthority, type Authority, type Usage } from "@tollgate/api/enrolment/x509";
import { controlPlaneName, proxyName } from "@tollgate/kernel/enrolment";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { newPrivateKey } from "@tollgate/proxy/enrolment/certificate-request";
import type { InternalIdentity } from "@tollgate/proxy/internal/identity";

export interface Certifying {
  readonly pem: string;
  identity(about: { proxyId: string } & Partial<Certified>): Promise<InternalIdentity>;
}

export interface Certified {
  readonly usages: readonly Usage[];
  readonly commonName: string;
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export const newProxyId = (): string => idFromBytes(randomBytes(idBytes));

/** How a control plane certifies itself. */
export const asControlPlane: Partial<Certified> = {
  ...{ usages: ["server"], commonName: controlPlaneName, name: controlPlaneName },
};

const hourMs = 3_600_000;

export async function newCertifying(): Promise<Certifying> {
  const authority: Authority = await newAuthority("an authority", {
    ...{ fromMs: Date.now() - 2 * hourMs, untilMs: Date.now() + hourMs },
  });
  const pem = pemOf(authority.certificate);
  return {
    pem,
    async identity({ proxyId, usages = ["client", "server"], commonName = proxyId, name, fromMs, untilMs }) {
      const key = newPrivateKey();
      const publicKey = createPublicKey(createPrivateKey(key)).export({ format: "der", type: "spki" });
      const certificate = await issue(authority, {
        ...{ publicKey, usages, commonName, names: [{ type: "dns", value: name ?? proxyName(proxyId) }] },
        ...{ fromMs: fromMs ?? Date.now() - hourMs, untilMs: untilMs ?? Date.now() + hourMs },
      });
      return { key, cert: pemOf(certificate) + pem, ca: pem };
    },
  };
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
