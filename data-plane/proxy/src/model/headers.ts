// Headers on their way to a provider and back. To the provider goes what the client said, unknown headers too, but nothing of
// the connection, nothing that tells where the client is, and no credential but the provider's own. Back goes what the provider
// said, but nothing of the connection, of its front or of the credential's limits.

import type { IncomingMessage } from "node:http";
import type { Format } from "./format.ts";

/** Of one connection only. */
const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const notToProvider: ReadonlySet<string> = new Set([
  ...ofConnection,
  "accept-encoding",
  "api-key",
  "authorization",
  "content-encoding",
  "content-length",
  "cookie",
  "forwarded",
  "host",
  "x-api-key",
  "x-goog-api-key",
  "x-real-ip",
]);
const notToProviderPrefixes = ["proxy-", "x-forwarded-", "x-tollgate-"];
const notToClient: ReadonlySet<string> = new Set([
  ...ofConnection,
  "alt-svc",
  "nel",
  "report-to",
  "server",
  "set-cookie",
  "strict-transport-security",
]);
const notToClientPrefixes = ["cf-", "proxy-", "x-tollgate-"];
/** No key is told a provider, in whatever header it stands. */
const ownKey = /tg_(?:key|svc|adm|join)_/;

/** Name after value. `identity`, because what an answer used is read on its way. */
export function headersToProvider(
  request: Pick<IncomingMessage, "rawHeaders" | "headers">,
  credential: readonly [name: string, value: string],
): string[] {
  const alsoOfConnection = connectionOptions(request.headers.connection);
  const sent: string[] = ["accept-encoding", "identity", ...credential];
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const value = rawHeaders[at + 1] ?? "";
    const lower = name.toLowerCase();
    if (notToProvider.has(lower) || lower === credential[0] || begins(lower, notToProviderPrefixes)) continue;
    if (alsoOfConnection?.has(lower) === true || ownKey.test(value)) continue;
    sent.push(name, value);
  }
  return sent;
}

/** Name after value, as `rawHeaders` of an answer are: what it repeats is repeated. Without its length if that will be another. */
export function headersToClient(
  rawHeaders: readonly (Buffer | string)[],
  format: Format,
  isLengthKept: boolean,
): string[] {
  const sent: string[] = [];
  let alsoOfConnection: ReadonlySet<string> | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (textOf(rawHeaders[at]).toLowerCase() === "connection")
      alsoOfConnection = connectionOptions(textOf(rawHeaders[at + 1]));
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = textOf(rawHeaders[at]);
    const lower = name.toLowerCase();
    if (notToClient.has(lower) || begins(lower, notToClientPrefixes) || format.isForGate(lower)) continue;
    if (lower === "content-length" && !isLengthKept) continue;
    const value = textOf(rawHeaders[at + 1]);
    // Node refuses to send what is none, and with it the whole answer.
    if (alsoOfConnection?.has(lower) !== true && !isControlled(value)) sent.push(name, value);
  }
  return sent;
}

function connectionOptions(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === "keep-alive" || value === "close") return undefined;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

function begins(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}

function isControlled(value: string): boolean {
  return /[^\t\x20-\x7e\x80-\xff]/.test(value);
}

function textOf(raw: Buffer | string | undefined): string {
  return raw === undefined ? "" : typeof raw === "string" ? raw : raw.toString("latin1");
}
