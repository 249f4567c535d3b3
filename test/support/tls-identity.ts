// Certificates for servers of tests that speak TLS: an authority of the test's own, and identities that it issues, good ones and
// such as nobody should take. Made by the product's own library, in memory; nothing is written to a disk.
import { issue, newAuthority, newKeyPair } from "@tollgate/api/enrolment/x509";

/** PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface TlsAuthority {
  /** PEM; for those who shall trust it. */
  readonly cert: string;
  issue(
    names: readonly IssuedName[],
    validity?: { readonly fromMs: number; readonly untilMs: number },
  ): Promise<TlsIdentity>;
}

export type IssuedName = { readonly type: "dns" | "ip"; readonly value: string };

const dayMs = 86_400_000;

export async function newTlsAuthority(): Promise<TlsAuthority> {
  const now = Date.now();
  const usual = { fromMs: now - 30 * dayMs, untilMs: now + dayMs };
  const authority = await newAuthority("an authority of a test", usual);
  return {
    cert: pem("CERTIFICATE", authority.certificate),
    async issue(names, validity = usual) {
      const { publicKey, privateKey } = await newKeyPair();
      const options = { publicKey, commonName: "a server of a test", usages: ["server"] as const, names, ...validity };
      return { key: pem("PRIVATE KEY", privateKey), cert: pem("CERTIFICATE", await issue(authority, options)) };
    },
  };
}

function pem(what: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN ${what}-----\n${lines}\n-----END ${what}-----\n`;
}
