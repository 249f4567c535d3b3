// One connection and what is on it: at most one request at a time, which goes out while its answer may come in already. It
// can be used again where both were whole and nothing came that nobody asked for; in any doubt it is closed.

import type { Socket } from "node:net";
import { takeBytes } from "./connect.ts";
import { Exchange, type Line, type PrintedRequest } from "./exchange.ts";
import { errorOf, OutgoingError, type Receiver } from "./outgoing.ts";
import { ResponseReader } from "./response-reader.ts";

export type ConnectionEvents = {
  /** It may be used again for so long; undefined: for as long as is usual. */
  onFree(connection: Connection, keptMs: number | undefined): void;
  onClosed(connection: Connection): void;
};

export class Connection implements Line {
  /** Since when nobody uses it, and when it is closed if nobody does; for who keeps it. */
  idleSinceMs = 0;
  expiresMs = 0;
  readonly socket: Socket;
  readonly reader: ResponseReader;
  private readonly events: ConnectionEvents;
  private exchange: Exchange | undefined;
  private problem: Error | undefined;
  /** The other side says nothing more. What it said may still be held back for a receiver that is slow. */
  private hasEnded = false;
  private isGone = false;

  constructor(socket: Socket, headBytesMax: number, events: ConnectionEvents) {
    this.socket = socket;
    this.events = events;
    this.reader = new ResponseReader(headBytesMax);
    socket.on("end", () => this.ended());
    socket.on("error", (error) => (this.problem ??= error));
    socket.on("close", () => this.closed());
    takeBytes(socket, (bytes) => this.take(bytes));
  }

  get isUsable(): boolean {
    return this.exchange === undefined && this.socket.writable && !this.socket.destroyed && !this.socket.readableEnded;
  }

  run(request: PrintedRequest, receiver: Receiver): void {
    const exchange = new Exchange(this, receiver);
    this.exchange = exchange;
    this.reader.begin(exchange, request.isHead);
    this.attempt(() => exchange.start(request));
  }

  close(problem: Error): void {
    this.problem ??= problem;
    if (this.isGone) this.closed();
    else this.socket.destroy();
  }

  free(keptMs: number | undefined): void {
    const { socket } = this;
    this.exchange = undefined;
    if (this.isGone) return this.events.onClosed(this);
    // What was not asked for may have come while nothing was read, and what was asked may not have gone out.
    const isInDoubt = socket.destroyed || this.hasEnded || socket.isPaused() || socket.writableLength > 0;
    if (keptMs === 0 || isInDoubt) return void socket.destroy();
    this.events.onFree(this, keptMs);
  }

  resume(): void {
    const { exchange } = this;
    this.attempt(() => this.reader.resume());
    // It may have been the end, or too much for its receiver again.
    if (this.exchange !== exchange || this.reader.isHeldUp) return;
    if (this.hasEnded) this.finish();
    else this.socket.resume();
  }

  private take(bytes: Buffer): void {
    if (this.exchange === undefined) return void this.socket.destroy();
    this.attempt(() => this.reader.push(bytes));
    // Node reads on where it was held up while it opened, and TLS gives what it had decoded.
    if (this.reader.isHeldUp) this.socket.pause();
  }

  /** What the reader says is wrong, and what a receiver throws, ends the connection. */
  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.reader.stop();
      this.close(errorOf(error));
    }
  }

  private ended(): void {
    this.hasEnded = true;
    if (!this.reader.isHeldUp) this.finish();
  }

  private finish(): void {
    this.attempt(() => this.reader.close() || this.close(closedEarly()));
  }

  private closed(): void {
    const { exchange } = this;
    if (this.hasEnded && this.reader.isHeldUp && this.problem === undefined) return void (this.isGone = true);
    this.exchange = undefined;
    this.reader.stop();
    this.events.onClosed(this);
    exchange?.fail(this.problem ?? closedEarly());
  }
}

function closedEarly(): OutgoingError {
  return new OutgoingError("HTTP_CLOSED_EARLY", "The connection was closed before the answer was whole.");
}
