// What this proxy shows the control plane and whom it believes: its private key, the certificate for it, and the authority.
// Kept beside the proxy's id, for this user alone, and replaced whole, so that a restart needs no join token and no
// control plane. Where the directory is a temporary one they end with it, as the id does.

import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import type { InternalIdentity } from "../internal/identity.ts";
import { newPrivateKey } from "./certificate-request.ts";

export type Credentials = {
  /** PEM. Made once, and durable before it is shown to anybody. */
  readonly privateKey: string;
  /** When the certificate ends; undefined while there is none. */
  untilMs(): number | undefined;
  /** For connections from now on; undefined while there is no certificate. */
  context(): SecureContext | undefined;
  /** The authority at which the proxy joined, DER. */
  authority(): Uint8Array | undefined;
  /** To show to other proxies, and to believe them by; undefined while there is no certificate. */
  identity(): InternalIdentity | undefined;
  /** Whether other proxies may dial this one by its certificate. A control plane of a former version gives none such. */
  mayBeDialled(): boolean;
  /** DER, the own one first, up to the authority. Throws for a certificate that is not for this key and id. */
  use(certificates: readonly Uint8Array[]): void;
  forget(): void;
};

export type CredentialsParts = {
  directory: string;
  proxyId: string;
  /** PEM of the authorities of a control plane that brings its own certificate. */
  trusted: string | undefined;
};

/** The extended key usage of who is dialled (RFC 5280). */
const serverAuth = "1.3.6.1.5.5.7.3.1";

export function openCredentials({ directory, proxyId, trusted }: CredentialsParts): Credentials {
  const keyFile = join(directory, "proxy.key");
  const certificateFile = join(directory, "proxy.crt");
  const privateKey = readIfThere(keyFile) ?? made(keyFile);
  const publicKey = createPublicKey(createPrivateKey(privateKey));
  let chain: X509Certificate[] | undefined = kept();
  let context = chain && contextOf(chain);

  function kept(): X509Certificate[] | undefined {
    const text = readIfThere(certificateFile);
    const parts = text?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    try {
      const certificates = parts.map((part) => new X509Certificate(part));
      return isOwn(certificates) ? certificates : undefined;
    } catch {
      // A file that was tampered with or cut off is as good as none: the proxy joins again.
      return undefined;
    }
  }

  function isOwn([own, ...above]: readonly X509Certificate[]): boolean {
    return own?.subject === `CN=${proxyId}` && own.publicKey.equals(publicKey) && above.length > 0;
  }

  function contextOf(certificates: readonly X509Certificate[]): SecureContext {
    const ca = trusted ?? certificates.at(-1)?.toString();
    return createSecureContext({ key: privateKey, cert: certificates.map(String).join(""), ...(ca ? { ca } : {}) });
  }

  return {
    privateKey,
    untilMs: () => chain?.[0] && Date.parse(chain[0].validTo),
    context: () => context,
    authority: () => chain?.at(-1)?.raw,
    identity() {
      const authority = chain?.at(-1);
      if (!chain || !authority) return undefined;
      return { key: privateKey, cert: chain.map(String).join(""), ca: authority.toString() };
    },
    mayBeDialled: () => chain?.[0]?.keyUsage?.includes(serverAuth) === true,
    use(certificates) {
      const next = certificates.map((der) => new X509Certificate(der));
      if (!isOwn(next)) throw new Error("the control plane answered with a certificate for another proxy or key");
      context = contextOf(next);
      chain = next;
      writeWhole(certificateFile, next.map(String).join(""));
    },
    forget() {
      chain = undefined;
      context = undefined;
      rmSync(certificateFile, { force: true });
    },
  };
}

function made(keyFile: string): string {
  const privateKey = newPrivateKey();
  writeWhole(keyFile, privateKey);
  return privateKey;
}

function readIfThere(path: string): string | undefined {
  try {
    // Also where somebody copied the files with another mode.
    chmodSync(path, 0o600);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function writeWhole(path: string, text: string): void {
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
