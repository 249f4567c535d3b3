// A certificate request (PKCS#10) for a proxy's id and key, as DER. Written out here because it is four nested lists and a
// signature, which is no reason for the data plane to depend on a library of certificates; the control plane's library
// reads it in the contract's tests. Keys are EC P-256, as the authority demands.

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** PEM. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

const tags = { integer: 0x02, bits: 0x03, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31, attributes: 0xa0 } as const;
const commonName = Buffer.from([0x55, 0x04, 0x03]);
const ecdsaWithSha256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

export function certificateRequest(proxyId: string, privateKey: string): Uint8Array {
  const key = createPrivateKey(privateKey);
  const subject = der(
    "sequence",
    der("set", der("sequence", der("oid", commonName), der("utf8", Buffer.from(proxyId)))),
  );
  const about = der("sequence", der("integer", Buffer.from([0])), subject, publicKeyOf(key), der("attributes"));
  const algorithm = der("sequence", der("oid", ecdsaWithSha256));
  // A bit string says first how many bits of its last byte are unused.
  return der("sequence", about, algorithm, der("bits", Buffer.from([0]), sign("sha256", about, key)));
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: "der", type: "spki" });
}

function der(tag: keyof typeof tags, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tags[tag], ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
