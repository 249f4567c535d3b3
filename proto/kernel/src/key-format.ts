// The text of a credential: `tg_<kind>_<id>_<secret><check>`. The id finds the key without a search, the secret is 256
// random bits in base 62, the six check characters are a CRC-32 of all before them, so that a typing error is refused
// without a look-up and secret scanners can tell a real key from a look-alike. Randomness and hashing are the caller's.

import { isId } from "./ids.ts";

export const keyKinds = ["key", "svc", "adm", "join"] as const;
export type KeyKind = (typeof keyKinds)[number];

export type KeyText = { kind: KeyKind; id: string; text: string };

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
export const secretBytes = 32;
const secretChars = 43;
const checkChars = 6;
/** tg_ + kind + _ + id + _ + secret + check. */
export function keyTextChars(kind: KeyKind): number {
  return 3 + kind.length + 1 + 16 + 1 + secretChars + checkChars;
}
const keyTextCharsMax = Math.max(...keyKinds.map(keyTextChars));
const shape = /^tg_(key|svc|adm|join)_([0-9a-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

export function formatKey(kind: KeyKind, id: string, secret: Uint8Array): string {
  if (!isId(id)) throw new Error("a key needs a well-formed id");
  if (secret.length !== secretBytes) throw new Error(`a key's secret has ${secretBytes} bytes, not ${secret.length}`);
  let value = 0n;
  for (const byte of secret) value = (value << 8n) | BigInt(byte);
  const body = `tg_${kind}_${id}_${base62(value, secretChars)}`;
  return body + checkOf(body);
}

/** Undefined for everything that is not exactly a key: wrong shape, wrong check, wrong length. */
export function parseKey(text: string): KeyText | undefined {
  if (text.length > keyTextCharsMax) return undefined;
  const match = shape.exec(text);
  const kind = keyKinds.find((known) => known === match?.[1]);
  const id = match?.[2];
  if (kind === undefined || id === undefined || !isId(id)) return undefined;
  const body = text.slice(0, -checkChars);
  return checkOf(body) === text.slice(-checkChars) ? { kind, id, text } : undefined;
}

function base62(value: bigint, chars: number): string {
  let text = "";
  for (let i = 0; i < chars; i++) {
    text = digits.charAt(Number(value % 62n)) + text;
    value /= 62n;
  }
  return text;
}

function checkOf(body: string): string {
  let crc = 0xffffffff;
  for (let i = 0; i < body.length; i++) crc = (crc >>> 8) ^ (crcTable[(crc ^ body.charCodeAt(i)) & 0xff] ?? 0);
  let rest = (crc ^ 0xffffffff) >>> 0;
  let text = "";
  for (let i = 0; i < checkChars; i++) {
    text = digits.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});
