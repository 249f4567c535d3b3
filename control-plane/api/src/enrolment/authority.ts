// The control plane's own certificate authority. Its key pair is made once, by whichever process comes first, and kept
// sealed with the master key; all processes on one database share it, so that a proxy may renew with another one than it
// joined with. It certifies proxies for their own key and control planes for their role, and nobody else for anything.

import { createHash, createPrivateKey } from "node:crypto";
import { isIP } from "node:net";
import { controlPlaneName, proxyName } from "@tollgate/kernel/enrolment";
import { limits } from "@tollgate/kernel/limits";
import type { Database } from "../database.ts";
import { open, seal } from "../secrets/envelope.ts";
import { issue, newAuthority, newKeyPair, type Authority as Stored, type Validity } from "./x509.ts";

export type Authority = {
  /** DER, and the same as PEM. */
  certificate: Uint8Array;
  pem: string;
  /** What a join token carries of it. */
  pin: string;
  /** DER, the proxy's own first, then up to the authority's. */
  certify(proxyId: string, publicKey: Uint8Array): Promise<Uint8Array[]>;
  /** PEM: a key pair of its own and the chain for it, for a server that is dialled under the role's name or one of these. */
  serverIdentity(hosts: readonly string[]): Promise<{ cert: string; key: string }>;
};

export type AuthorityParts = {
  database: Pick<Database, "sql">;
  masterKey: Uint8Array;
  nowMs: () => number;
  /** How long a proxy's certificate lives. */
  certificateMs: number;
};

const dayMs = 24 * 3_600_000;
const authorityMs = 10 * 365 * dayMs;
/** Made anew at each start, and by `proxy-doors.ts` long before it ends. */
export const serverCertificateMs = 90 * dayMs;
const sealedName = { id: "keyring authority", version: 1 };

export async function openAuthority({ database, masterKey, nowMs, certificateMs }: AuthorityParts): Promise<Authority> {
  const stored = await keptOrMade(database, masterKey, nowMs());
  // A machine whose clock is behind takes what was issued just now.
  const forMs = (ms: number): Validity => ({ fromMs: nowMs() - limits.clockSkewMs, untilMs: nowMs() + ms });
  const { certificate } = stored;
  const pem = toPem(certificate);
  return {
    certificate,
    pem,
    pin: createHash("sha256").update(certificate).digest("base64url"),
    async certify(proxyId, publicKey) {
      const names = [{ type: "dns", value: proxyName(proxyId) }] as const;
      // Dialling the control plane and other proxies, and dialled by the latter.
      const about = { publicKey, commonName: proxyId, usages: ["client", "server"], names } as const;
      return [await issue(stored, { ...about, ...forMs(certificateMs) }), certificate];
    },
    async serverIdentity(hosts) {
      const { publicKey, privateKey } = await newKeyPair();
      const names = [controlPlaneName, ...new Set(hosts)].map((value) => {
        return { type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value };
      });
      const about = { publicKey, commonName: controlPlaneName, usages: ["server"], names } as const;
      const own = await issue(stored, { ...about, ...forMs(serverCertificateMs) });
      const key = createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" });
      return { cert: toPem(own) + pem, key: key.export({ format: "pem", type: "pkcs8" }).toString() };
    },
  };
}

async function keptOrMade({ sql }: Pick<Database, "sql">, masterKey: Uint8Array, nowMs: number): Promise<Stored> {
  const columns = `certificate, wrapped_key AS "wrappedKey", sealed`;
  type Row = { certificate: Uint8Array; wrappedKey: Uint8Array; sealed: Uint8Array };
  let [row] = await sql.query<Row>(`SELECT ${columns} FROM keyring.authority`);
  if (!row) {
    const validity = { fromMs: nowMs - limits.clockSkewMs, untilMs: nowMs + authorityMs };
    const made = await newAuthority("Tollgate control plane authority", validity);
    const { wrappedKey, sealed } = seal(masterKey, sealedName, made.privateKey);
    // Of two processes that come at once one is the first; both take what is there then.
    [row] = await sql.query<Row>(
      `INSERT INTO keyring.authority (certificate, wrapped_key, sealed) VALUES ($1, $2, $3)
       ON CONFLICT (singleton) DO UPDATE SET singleton = true RETURNING ${columns}`,
      [made.certificate, wrappedKey, sealed],
    );
  }
  if (!row) throw new Error("an upsert returned no row");
  return { certificate: new Uint8Array(row.certificate), privateKey: open(masterKey, sealedName, row) };
}

function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
