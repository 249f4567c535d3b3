// Who the caller says it is: the one Tollgate key among `Authorization: Bearer`, `x-api-key` and `x-tollgate-key`. The same
// key in several of them is one credential; two different ones are refused, because nobody could say who made the call.
// Query strings and cookies are never looked at. Form and check characters are tested here; whose key it is, `authenticate` says, before a body is read too.

import { hash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { askedHeaders, type Asked, type Presented } from "@tollgate/kernel/asked";
import { parseKey } from "@tollgate/kernel/key-format";

/** With what the request says of itself beside its key. */
export type Credential = Presented;

/** What a connection said last: clients say the same with every request, and to read it costs as much as to authenticate. */
const lastSaid = new WeakMap<Socket, Credential>();

export function credentialIn(request: Pick<IncomingMessage, "headers" | "socket">): Credential | ErrorCode {
  const credential = keyIn(request);
  const asked = askedIn(request.headers);
  return asked === undefined || typeof credential === "string" ? credential : { ...credential, asked };
}

/** Almost no request says anything: then it costs four look-ups. */
function askedIn(headers: IncomingHttpHeaders): Asked | undefined {
  const [tools, servers] = [headers[askedHeaders.tools], headers[askedHeaders.servers]];
  const [models, labels] = [headers[askedHeaders.models], headers[askedHeaders.labels]];
  if (tools === undefined && servers === undefined && models === undefined && labels === undefined) return undefined;
  return { tools: textOf(tools), servers: textOf(servers), models: textOf(models), labels: textOf(labels) };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function keyIn({ headers, socket }: Pick<IncomingMessage, "headers" | "socket">): Credential | ErrorCode {
  const sent = sentIn(headers);
  if (typeof sent !== "object") return sent;
  const last = lastSaid.get(socket);
  if (last?.key.text === sent.text) return last;
  const key = parseKey(sent.text);
  if (key === undefined) return "auth.key-malformed";
  const credential = { key, sha256: hash("sha256", sent.text, "buffer") };
  lastSaid.set(socket, credential);
  return credential;
}

function sentIn(headers: IncomingHttpHeaders): { readonly text: string } | ErrorCode {
  let sent: string | undefined;
  for (const candidate of [bearerIn(headers.authorization), headers["x-api-key"], headers["x-tollgate-key"]]) {
    if (candidate === undefined) continue;
    // Node joins a repeated header with a comma, which stands in no key.
    const text = String(candidate);
    if (text.includes(",") || (sent !== undefined && sent !== text)) return "auth.keys-conflict";
    sent = text;
  }
  return sent === undefined ? "auth.key-missing" : { text: sent };
}

function bearerIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const isBearer = authorization.startsWith("Bearer ") || /^bearer +/i.test(authorization);
  return isBearer ? authorization.slice("bearer ".length).trim() : authorization;
}
