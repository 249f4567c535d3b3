// Connections to one address, and the requests that wait for one. What cannot be sent is told as an error, never thrown.

import type { Socket } from "node:net";
import type { Connect } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { PrintedRequest } from "./exchange.ts";
import { IdleConnections, type IdleBounds } from "./idle-connections.ts";
import { errorOf, OutgoingError, tellError, type OutgoingRequest, type Receiver } from "./outgoing.ts";
import { RequestHeads } from "./request-head.ts";

export type PoolOptions = Partial<IdleBounds> & {
  readonly connectionsMax: number;
  readonly connect: Connect;
  readonly headBytesMax?: number;
};

type Waiting = { readonly request: PrintedRequest; readonly receiver: Receiver };

const usual = { headBytesMax: 16 * 1024, idleMs: 4_000, idleMsMax: 600_000 };
/**
 * A connection that was idle for longer is looked at once more before it is used: that it was closed, or that something came on
 * it, may wait to be read behind what this process did meanwhile. What comes within so short a time may as well be on its way
 * when the request goes out: nothing that is done here would see it.
 */
const unseenMsMax = 5;

export class OutgoingPool {
  private readonly url: URL;
  private readonly options: Required<PoolOptions>;
  private readonly heads = new RequestHeads();
  private readonly all = new Set<Connection>();
  private readonly idle: IdleConnections;
  private readonly waiting: Waiting[] = [];
  private readonly dialling = new Set<Waiting>();
  /** Requests whose connection is looked at. */
  private looking = 0;
  private isServing = false;
  private isClosing = false;
  private isDestroyed = false;
  private readonly onEmpty: (() => void)[] = [];

  constructor(origin: string, options: PoolOptions) {
    this.url = new URL(origin);
    this.options = { ...usual, ...options };
    this.idle = new IdleConnections(this.options);
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.dialling.size + this.looking + this.waiting.length === 0 && this.all.size === this.idle.size;
  }

  /** It takes nothing any more. */
  get isClosed(): boolean {
    return this.isClosing;
  }

  dispatch(request: OutgoingRequest, receiver: Receiver): void {
    try {
      if (this.isClosing) throw poolClosed();
      const isHead = request.method === "HEAD";
      this.begin({
        request: { ...this.heads.print(request, this.url.host), isHead, body: request.body },
        receiver,
      });
    } catch (error) {
      queueMicrotask(() => tellError(receiver, errorOf(error)));
    }
  }

  /** Nothing new is taken; resolves when all that was is over. */
  close(): Promise<void> {
    this.isClosing = true;
    this.idle.clear();
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
    for (const connection of this.all) connection.close(error);
    for (const { receiver } of [...this.waiting.splice(0), ...this.dialling]) tellError(receiver, error);
    this.dialling.clear();
    this.tellEmpty();
    return closed;
  }

  private begin(one: Waiting): void {
    const nowMs = performance.now();
    const connection = this.idle.take(nowMs);
    if (connection === undefined) {
      if (this.all.size + this.dialling.size < this.options.connectionsMax) this.dial(one);
      else this.waiting.push(one);
    } else if (nowMs - connection.idleSinceMs <= unseenMsMax) connection.run(one.request, one.receiver);
    else this.look(connection, one);
  }

  /** Between the two turns what had come on it was read. */
  private look(connection: Connection, one: Waiting): void {
    this.looking += 1;
    const go = (): void => {
      this.looking -= 1;
      if (this.isDestroyed) tellError(one.receiver, poolClosed());
      else if (connection.isUsable) return connection.run(one.request, one.receiver);
      else this.begin(one);
      this.tellEmpty();
    };
    setImmediate(() => setImmediate(go));
  }

  private dial(one: Waiting): void {
    const { hostname, host, port, protocol } = this.url;
    const to = { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), host, port, protocol };
    this.dialling.add(one);
    try {
      this.options.connect(to, (error, socket) => {
        // Who was told that the pool is closed is told nothing more.
        if (!this.dialling.delete(one)) return void socket?.destroy();
        if (error === null) this.opened(one, socket);
        else this.failed(one, error);
      });
    } catch (error) {
      if (this.dialling.delete(one)) this.failed(one, errorOf(error));
      else throw error;
    }
  }

  private failed({ receiver }: Waiting, error: Error): void {
    queueMicrotask(() => tellError(receiver, error));
    this.goOn();
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
    this.idle.put(connection, keptMs);
    this.serve();
    if (this.isClosing) this.idle.clear();
  }

  /** One after the other also where one is given up at once, whose connection is free for the next then. */
  private serve(): void {
    if (this.isServing) return;
    this.isServing = true;
    try {
      while (this.waiting.length > 0) {
        const connection = this.idle.take(performance.now());
        const one = connection && this.waiting.shift();
        if (connection === undefined || one === undefined) return;
        connection.run(one.request, one.receiver);
      }
    } finally {
      this.isServing = false;
    }
  }

  private closed(connection: Connection): void {
    this.all.delete(connection);
    this.idle.remove(connection);
    this.goOn();
  }

  /** There is room for one more connection. */
  private goOn(): void {
    const next = this.waiting.shift();
    if (next !== undefined) this.dial(next);
    this.tellEmpty();
  }

  private tellEmpty(): void {
    const left = this.dialling.size + this.looking + this.all.size + this.waiting.length;
    if (this.isClosing && left === 0) for (const tell of this.onEmpty.splice(0)) tell();
  }
}

function poolClosed(): OutgoingError {
  return new OutgoingError("HTTP_POOL_CLOSED", "This address is not in use any more.");
}
