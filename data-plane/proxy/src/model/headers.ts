// Headers on their way to a provider and back. To the provider goes what the client said, unknown headers too, but nothing of
// the connection, nothing that tells where the client is, and no credential but the provider's own. Back goes what the provider
// said, but nothing of the connection, of its front, of the credential's limits or of whose it is. Which names these are, `header-names.ts` says.

import type { IncomingMessage } from "node:http";
import { headerName } from "./header-names.ts";
import { holdsOwnKey } from "./own-key.ts";

/** Name after value. `identity`, because what an answer used is read on its way. */
export function headersToProvider(
  request: Pick<IncomingMessage, "rawHeaders" | "headers">,
  credential: readonly [name: string, value: string],
): string[] {
  const ofConnection = connectionOptions(request.headers.connection);
  const sent: string[] = ["accept-encoding", "identity", ...credential];
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const value = rawHeaders[at + 1] ?? "";
    const { lower, goesToProvider } = headerName(name);
    if (!goesToProvider || lower === credential[0] || ofConnection?.has(lower) === true) continue;
    if (!holdsOwnKey(value)) sent.push(name, value);
  }
  return sent;
}

/** Name after value, as `rawHeaders` of an answer are: what it repeats is repeated. Without its length if that will be another. */
export function headersToClient(rawHeaders: readonly string[], isLengthKept: boolean): string[] {
  const sent: string[] = [];
  const ofConnection: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const value = rawHeaders[at + 1] ?? "";
    const { lower, goesToClient } = headerName(name);
    if (lower === "connection") ofConnection.push(...(connectionOptions(value) ?? []));
    if (goesToClient && (lower !== "content-length" || isLengthKept)) sent.push(name, value);
  }
  return ofConnection.length === 0 ? sent : without(sent, ofConnection);
}

function connectionOptions(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === "keep-alive" || value === "close") return undefined;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

function without(sent: readonly string[], names: readonly string[]): string[] {
  return sent.filter((_, at) => !names.includes(headerName(sent[at - (at % 2)] ?? "").lower));
}
