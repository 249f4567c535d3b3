// What one connection may cost, at each port of a worker: headers, time, and how many there may be. They hold before anybody
// knows who is at the other end.

export const connectionBounds = {
  maxHeaderSize: 32 * 1024,
  /** A client that sends its headers or body by drops holds a connection no longer than this. */
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  /** A repeated `authorization` becomes one with a comma, which is refused; by default Node hides the second. */
  joinDuplicateHeaders: true,
  noDelay: true,
};

export const connectionsMax = 20_000;
