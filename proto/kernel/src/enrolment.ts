// What both planes must agree on about how a proxy becomes one. A join token's text is a credential of the kind `join`,
// a dot, and the SHA-256 of the authority's certificate in base64url: one string is enough to join over a network that
// nobody trusts. The authority certifies control planes under one name only, their role, so that a proxy need not care under
// which address it dials one; and each proxy under a name made of its id, by which another proxy knows it.

import { formatKey, parseKey, type KeyText } from "./key-format.ts";

/** No public authority gives out a name below `.internal`, and ours gives this one to control planes alone. */
export const controlPlaneName = "control-plane.tollgate.internal";

/** The name in a proxy's certificate: whoever dials a proxy looks for it, and not for the host. */
export function proxyName(proxyId: string): string {
  return `${proxyId}.proxy.tollgate.internal`;
}

export type JoinTokenText = {
  key: KeyText;
  /** SHA-256 of the authority's certificate, DER, in base64url. */
  pin: string;
};

const pinShape = /^[0-9A-Za-z_-]{43}$/;

export function formatJoinToken(id: string, secret: Uint8Array, pin: string): string {
  if (!pinShape.test(pin)) throw new Error("a pin is a SHA-256 in base64url");
  return `${formatKey("join", id, secret)}.${pin}`;
}

/** Undefined for everything that is not exactly a join token with its pin. */
export function parseJoinToken(text: string): JoinTokenText | undefined {
  const [sent = "", pin = "", ...more] = text.split(".");
  const key = parseKey(sent);
  return key?.kind === "join" && pinShape.test(pin) && more.length === 0 ? { key, pin } : undefined;
}
