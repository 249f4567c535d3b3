// Fingerprints of requests, by which a repeated one is told from another. Arguments may hold secrets, and some people's
// secrets can be guessed: a plain hash of them in the database would be something to try values against. So it is keyed with
// a key of its own, derived from the master key, which the database does not have.

import { createHmac, hkdfSync } from "node:crypto";

const keyBytes = 32;

export function fingerprintWith(masterKey: Uint8Array): (bytes: Uint8Array) => Uint8Array {
  const key = Buffer.from(hkdfSync("sha256", masterKey, "", "tollgate request fingerprint", keyBytes));
  return (bytes) => createHmac("sha256", key).update(bytes).digest();
}
