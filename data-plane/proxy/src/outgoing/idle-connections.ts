// Connections that nobody uses. The one that was used last is used next, and none is kept for as long as the other side keeps it:
// a request that met its closing could not be told from one that was taken and lost.

import type { Connection } from "./connection.ts";

export type IdleBounds = {
  /** How long one is kept where the other side does not say how long it does. */
  readonly idleMs: number;
  readonly idleMsMax: number;
};

/** The other side's clock starts earlier than ours. */
const marginMs = 2_000;

export class IdleConnections {
  private readonly bounds: IdleBounds;
  private readonly all: Connection[] = [];
  private timer: NodeJS.Timeout | undefined;
  private sweepMs = Infinity;

  constructor(bounds: IdleBounds) {
    this.bounds = bounds;
  }

  get size(): number {
    return this.all.length;
  }

  put(connection: Connection, keptMs: number | undefined): void {
    const { idleMs, idleMsMax } = this.bounds;
    const usableMs = keptMs === undefined ? idleMs : Math.min(keptMs - marginMs, idleMsMax);
    if (usableMs <= 0) return void connection.socket.destroy();
    connection.idleSinceMs = performance.now();
    connection.expiresMs = connection.idleSinceMs + usableMs;
    this.all.push(connection);
    this.sweepAt(connection.expiresMs);
  }

  take(nowMs: number): Connection | undefined {
    for (let one = this.all.pop(); one !== undefined; one = this.all.pop()) {
      if (one.isUsable && one.expiresMs > nowMs) return one;
      one.socket.destroy();
    }
    return undefined;
  }

  remove(connection: Connection): void {
    const at = this.all.indexOf(connection);
    if (at >= 0) this.all.splice(at, 1);
  }

  /** They are closed, and no time is kept for any. */
  clear(): void {
    clearTimeout(this.timer);
    this.sweepMs = Infinity;
    for (const connection of this.all.splice(0)) connection.socket.destroy();
  }

  private sweepAt(atMs: number): void {
    if (atMs >= this.sweepMs) return;
    clearTimeout(this.timer);
    this.sweepMs = atMs;
    this.timer = setTimeout(() => this.sweep(), Math.max(1, atMs - performance.now())).unref();
  }

  private sweep(): void {
    this.sweepMs = Infinity;
    const nowMs = performance.now();
    for (const connection of this.all)
      if (connection.expiresMs <= nowMs) connection.socket.destroy();
      else this.sweepAt(connection.expiresMs);
  }
}
