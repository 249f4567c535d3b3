// Headers that speak of one connection, and that nobody who stands between two of them hands on.

export const connectionHeaders: readonly string[] = [
  "connection",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
