// Certificates as bytes: an authority made, a certificate issued by it, a request for one read. The only file that knows
// the library. Names and extensions are always ours; nothing but the public key is taken out of a request. Keys are EC
// P-256 throughout, which every TLS of ours speaks. It stores nothing and reads no clock.

// The library asks for it when it is loaded.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { randomBytes, webcrypto } from "node:crypto";

/** DER. */
export type Authority = { certificate: Uint8Array; privateKey: Uint8Array };
export type Validity = { fromMs: number; untilMs: number };
/** What a certificate may be shown as: by who dials, by who is dialled. */
export type Usage = "client" | "server";
export type CertificateOptions = Validity & {
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array;
  commonName: string;
  usages: readonly Usage[];
  names: readonly { type: "dns" | "ip"; value: string }[];
};

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const usageIds = { client: ExtendedKeyUsage.clientAuth, server: ExtendedKeyUsage.serverAuth } satisfies Record<
  Usage,
  string
>;

export async function newKeyPair(): Promise<{ publicKey: Uint8Array; privateKey: Uint8Array }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  return { publicKey: await exported("spki", keys.publicKey), privateKey: await exported("pkcs8", keys.privateKey) };
}

export async function newAuthority(commonName: string, { fromMs, untilMs }: Validity): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: newSerial(), name: [{ CN: [commonName] }], keys, signingAlgorithm },
    ...{ notBefore: new Date(fromMs), notAfter: new Date(untilMs) },
    extensions: [
      // None below it but those of programs.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: new Uint8Array(certificate.rawData),
    privateKey: await exported("pkcs8", keys.privateKey),
  };
}

export async function issue(authority: Authority, options: CertificateOptions): Promise<Uint8Array> {
  const { publicKey, commonName, usages, names, fromMs, untilMs } = options;
  const issuer = new X509Certificate(authority.certificate);
  const key = await webcrypto.subtle.importKey("spki", Uint8Array.from(publicKey), keyAlgorithm, true, ["verify"]);
  const certificate = await X509CertificateGenerator.create({
    ...{ serialNumber: newSerial(), subject: [{ CN: [commonName] }], issuer: issuer.subject, publicKey: key },
    ...{ notBefore: new Date(fromMs), notAfter: new Date(untilMs), signingAlgorithm },
    signingKey: await webcrypto.subtle.importKey("pkcs8", Uint8Array.from(authority.privateKey), keyAlgorithm, false, [
      "sign",
    ]),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(
        usages.map((usage) => usageIds[usage]),
        true,
      ),
      new SubjectAlternativeNameExtension([...names]),
      await SubjectKeyIdentifierExtension.create(key),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

export type CertificateRequest = { commonName: string; publicKey: Uint8Array };

/** Undefined for what is no request, was not signed by its own key, or has a key of another kind than ours. */
export async function readRequest(der: Uint8Array): Promise<CertificateRequest | undefined> {
  try {
    const request = new Pkcs10CertificateRequest(Uint8Array.from(der));
    const publicKey = new Uint8Array(request.publicKey.rawData);
    await webcrypto.subtle.importKey("spki", publicKey, keyAlgorithm, true, ["verify"]);
    if (!(await request.verify())) return undefined;
    const [commonName = "", ...more] = request.subjectName.getField("CN");
    return more.length === 0 ? { commonName, publicKey } : undefined;
  } catch {
    // The library throws whatever its parts throw; bytes from outside are the caller's to refuse.
    return undefined;
  }
}

async function exported(format: "spki" | "pkcs8", key: webcrypto.CryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.exportKey(format, key));
}

/** Positive, as the standard wants it. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}
