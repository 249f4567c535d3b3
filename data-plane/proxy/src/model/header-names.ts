// What becomes of a header by its name, on the way to a provider and back. The same names come with every call, some twenty of
// them each way, so what was decided of a name is kept: both ways together that is 5 µs a call in place of 12. What
// a single connection names as its own is decided elsewhere. Both protocols' names count at both doors: what stands before a
// provider may speak the other's.

import { connectionHeaders } from "../http/connection-headers.ts";

export type HeaderName = {
  readonly lower: string;
  readonly goesToProvider: boolean;
  readonly goesToClient: boolean;
};

const ofConnection: ReadonlySet<string> = new Set(connectionHeaders);
/** Where the client is, as what stands before the gate says it. */
const ofClientAddress = [
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-pseudo-ipv4",
  "fastly-client-ip",
  "fly-client-ip",
  "forwarded",
  "true-client-ip",
  "x-azure-clientip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-real-ip",
];
const notToProvider: ReadonlySet<string> = new Set([
  ...ofClientAddress,
  "accept-encoding",
  "api-key",
  "authorization",
  "content-encoding",
  "content-length",
  "cookie",
  "host",
  "x-api-key",
  "x-goog-api-key",
]);
const notToProviderPrefixes = ["proxy-", "x-forwarded-", "x-tollgate-"];
/** Who pays the provider. */
const ofAccount = ["anthropic-organization-id", "openai-organization", "openai-project"];
const notToClient: ReadonlySet<string> = new Set([
  ...ofAccount,
  "alt-svc",
  "nel",
  "report-to",
  "server",
  "set-cookie",
  "strict-transport-security",
]);
const notToClientPrefixes = ["anthropic-ratelimit-", "x-ratelimit-", "cf-", "proxy-", "x-tollgate-"];

/** Anybody may think up names: there are never more than these, and none that is longer. */
const keptMax = 1_000;
const keptCharsMax = 64;
const kept = new Map<string, HeaderName>();

export function headerName(name: string): HeaderName {
  const known = kept.get(name);
  if (known !== undefined) return known;
  const decided = decide(name.toLowerCase());
  if (name.length > keptCharsMax) return decided;
  if (kept.size >= keptMax) kept.clear();
  kept.set(name, decided);
  return decided;
}

function decide(lower: string): HeaderName {
  const isOfConnection = ofConnection.has(lower);
  return {
    lower,
    goesToProvider: !isOfConnection && !notToProvider.has(lower) && !begins(lower, notToProviderPrefixes),
    goesToClient: !isOfConnection && !notToClient.has(lower) && !begins(lower, notToClientPrefixes),
  };
}

function begins(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}
