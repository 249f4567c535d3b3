// Who the caller says it is: the one Tollgate key among `Authorization: Bearer`, `x-api-key` and `x-tollgate-key`. The same
// key in several of them is one credential; two different ones are refused, because nobody could say who made the call.
// Query strings and cookies are never looked at. Form and check characters are tested here, before a body is read.

import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { parseKey, type KeyText } from "@tollgate/kernel/key-format";

export type Credential = { readonly key: KeyText; readonly sha256: Uint8Array };

export function credentialIn(headers: IncomingHttpHeaders): Credential | ErrorCode {
  let sent: string | undefined;
  for (const candidate of [bearerIn(headers.authorization), headers["x-api-key"], headers["x-tollgate-key"]]) {
    if (candidate === undefined) continue;
    // Node joins a repeated header with a comma, which stands in no key.
    const text = String(candidate);
    if (text.includes(",") || (sent !== undefined && sent !== text)) return "auth.keys-conflict";
    sent = text;
  }
  if (sent === undefined) return "auth.key-missing";
  const key = parseKey(sent);
  return key === undefined ? "auth.key-malformed" : { key, sha256: hash("sha256", sent, "buffer") };
}

function bearerIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^bearer +/i.test(authorization) ? authorization.slice("bearer ".length).trim() : authorization;
}
