// Connections to one address, and the requests that wait for one. A connection that was used last is used next; one that nobody
// uses is closed before the other side would do it. What cannot be sent is told as an error, never thrown.

import type { Socket } from "node:net";
import type { Connect } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { PrintedRequest } from "./exchange.ts";
import { errorOf, OutgoingError, type OutgoingRequest, type Receiver } from "./outgoing.ts";
import { requestHead } from "./request-head.ts";

export type PoolOptions = {
  readonly connectionsMax: number;
  readonly connect: Connect;
  readonly headBytesMax?: number;
  /** How long a connection is kept that nobody uses, where the other side does not say how long it does. */
  readonly idleMs?: number;
  readonly idleMsMax?: number;
};

type Waiting = { readonly request: PrintedRequest; readonly receiver: Receiver };

const usual = { headBytesMax: 16 * 1024, idleMs: 4_000, idleMsMax: 600_000 };
/** The other side's clock starts earlier than ours. */
const idleMarginMs = 1_000;

export class OutgoingPool {
  private readonly url: URL;
  private readonly options: Required<PoolOptions>;
  private readonly all = new Set<Connection>();
  /** The last is the one that was used last. */
  private readonly free: Connection[] = [];
  private readonly waiting: Waiting[] = [];
  private dialling = 0;
  private isClosing = false;
  private isDestroyed = false;
  private isServing = false;
  private timer: NodeJS.Timeout | undefined;
  private sweepMs = Infinity;
  private readonly onEmpty: (() => void)[] = [];

  constructor(origin: string, options: PoolOptions) {
    this.url = new URL(origin);
    this.options = { ...usual, ...options };
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.dialling === 0 && this.waiting.length === 0 && this.all.size === this.free.length;
  }

  /** It takes nothing any more. */
  get isClosed(): boolean {
    return this.isClosing;
  }

  dispatch(request: OutgoingRequest, receiver: Receiver): void {
    let printed: PrintedRequest;
    try {
      if (this.isClosing) throw poolClosed();
      const isHead = request.method === "HEAD";
      printed = { ...requestHead(request, this.url.host), isHead, body: request.body };
    } catch (error) {
      return receiver.onResponseError(errorOf(error));
    }
    const connection = this.takeFree();
    if (connection !== undefined) return connection.run(printed, receiver);
    const one = { request: printed, receiver };
    if (this.all.size + this.dialling < this.options.connectionsMax) this.dial(one);
    else this.waiting.push(one);
  }

  /** Nothing new is taken; resolves when all that was is over. */
  close(): Promise<void> {
    this.isClosing = true;
    for (const connection of this.free.splice(0)) connection.socket.destroy();
    return new Promise((resolve) => {
      this.onEmpty.push(resolve);
      this.tellEmpty();
    });
  }

  /** All that is under way comes to nothing. */
  destroy(): Promise<void> {
    this.isDestroyed = true;
    const error = poolClosed();
    const closed = this.close();
    for (const { receiver } of this.waiting.splice(0)) receiver.onResponseError(error);
    for (const connection of this.all) connection.close(error);
    return closed;
  }

  private takeFree(): Connection | undefined {
    const nowMs = performance.now();
    for (let one = this.free.pop(); one !== undefined; one = this.free.pop()) {
      if (one.isUsable && one.expiresMs > nowMs) return one;
      one.socket.destroy();
    }
    return undefined;
  }

  private dial(one: Waiting): void {
    const { hostname, host, port, protocol } = this.url;
    const to = { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), host, port, protocol };
    let isOver = false;
    const end = (): void => {
      isOver = true;
      this.dialling -= 1;
    };
    this.dialling += 1;
    try {
      this.options.connect(to, (error, socket) => {
        end();
        if (error !== null) return this.failed(one, error);
        if (!this.isDestroyed) return this.opened(one, socket);
        socket.destroy();
        this.failed(one, poolClosed());
      });
    } catch (error) {
      if (isOver) throw error;
      end();
      this.failed(one, errorOf(error));
    }
  }

  private failed({ receiver }: Waiting, error: Error): void {
    // Whatever this receiver does, the next goes on.
    this.goOn();
    receiver.onResponseError(error);
  }

  private opened({ request, receiver }: Waiting, socket: Socket): void {
    const connection = new Connection(socket, this.options.headBytesMax, {
      onFree: (freed, keptMs) => this.freed(freed, keptMs),
      onClosed: (closed) => this.closed(closed),
    });
    this.all.add(connection);
    connection.run(request, receiver);
  }

  private freed(connection: Connection, keptMs: number | undefined): void {
    const { idleMs, idleMsMax } = this.options;
    const keptMsMax = keptMs === undefined ? idleMs : Math.min(keptMs - idleMarginMs, idleMsMax);
    if (keptMsMax <= 0) return void connection.socket.destroy();
    connection.expiresMs = performance.now() + keptMsMax;
    this.free.push(connection);
    this.serve();
    if (this.isClosing) for (const unused of this.free.splice(0)) unused.socket.destroy();
    else if (this.free.length > 0) this.sweepAt(connection.expiresMs);
  }

  /** One after the other also where one is given up at once, whose connection is free for the next then. */
  private serve(): void {
    if (this.isServing) return;
    this.isServing = true;
    try {
      for (let one = this.waiting[0]; one !== undefined; one = this.waiting[0]) {
        const connection = this.takeFree();
        if (connection === undefined) return;
        this.waiting.shift();
        connection.run(one.request, one.receiver);
      }
    } finally {
      this.isServing = false;
    }
  }

  private sweepAt(atMs: number): void {
    if (atMs >= this.sweepMs) return;
    clearTimeout(this.timer);
    this.sweepMs = atMs;
    this.timer = setTimeout(() => this.sweep(), Math.max(1, atMs - performance.now())).unref();
  }

  private closed(connection: Connection): void {
    this.all.delete(connection);
    const at = this.free.indexOf(connection);
    if (at >= 0) this.free.splice(at, 1);
    this.goOn();
  }

  /** There is room for one more connection. */
  private goOn(): void {
    const next = this.waiting.shift();
    if (next !== undefined) this.dial(next);
    this.tellEmpty();
  }

  private tellEmpty(): void {
    if (!this.isClosing || this.dialling + this.all.size + this.waiting.length > 0) return;
    clearTimeout(this.timer);
    for (const tell of this.onEmpty.splice(0)) tell();
  }

  private sweep(): void {
    this.sweepMs = Infinity;
    const nowMs = performance.now();
    for (const connection of this.free)
      if (connection.expiresMs <= nowMs) connection.socket.destroy();
      else this.sweepAt(connection.expiresMs);
  }
}

function poolClosed(): OutgoingError {
  return new OutgoingError("HTTP_POOL_CLOSED", "This address is not in use any more.");
}
