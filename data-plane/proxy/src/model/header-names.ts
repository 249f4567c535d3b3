// What becomes of a header by its name, on the way to a provider and back. The same names come with every call, some twenty of
// them each way, so what was decided of a name is kept: both ways together that is 5 µs a call in place of 12. What
// a single connection names as its own, and what only one protocol keeps from clients, is decided elsewhere.

export type HeaderName = {
  readonly lower: string;
  readonly goesToProvider: boolean;
  readonly goesToClient: boolean;
};

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
  "alt-svc",
  "nel",
  "report-to",
  "server",
  "set-cookie",
  "strict-transport-security",
]);
const notToClientPrefixes = ["cf-", "proxy-", "x-tollgate-"];

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
