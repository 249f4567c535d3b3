// Identifiers: sixteen characters of lower-case base32 (80 random bits), without a prefix, because a scope ("key/…") or a
// field always says what they name. Randomness is an input here; whoever calls brings the bytes.

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
export const idBytes = 10;
const idPattern = /^[0-9a-hjkmnp-tv-z]{16}$/;

export function idFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== idBytes) throw new Error(`an id is made of ${idBytes} bytes, not ${bytes.length}`);
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let id = "";
  for (let shift = 75n; shift >= 0n; shift -= 5n) id += alphabet.charAt(Number((bits >> shift) & 31n));
  return id;
}

export function isId(text: string): boolean {
  return idPattern.test(text);
}

/** What a person calls a resource: the same rule for every kind, so that `server/tool` and paths never need escaping. */
export const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;

export function isName(text: string): boolean {
  return namePattern.test(text);
}

export const nameRule = "1 to 63 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit";

/** "key/<id>": how streams and scopes are written. */
export function scopeOf(kind: string, id: string): string {
  return `${kind}/${id}`;
}
