// One stream of events to a client. What is sent while nobody is connected, or before, can be kept for whoever takes the
// stream up again; a stream that keeps nothing ends with its connection. A connection that is quiet is kept alive, and one
// whose client does not read is told so to whoever sends.

import type { ServerResponse } from "node:http";
import { requestIdHeader } from "../../http/answer.ts";
import { eventOf, keepAlive, primingEvent } from "../wire/events.ts";

const keepAliveMs = 15_000;
const retryMs = 1_000;
/** What a client that does not read lets pile up before it is cut off. */
const unreadBytesMax = 1024 * 1024;

type Kept = { readonly id: string; readonly event: Buffer };

export type StreamParts = {
  /** Begins the ids of its events; undefined for a stream that cannot be taken up again. */
  readonly name: string | undefined;
  /** Its first event holds nothing, but an id from which to take it up again. */
  readonly isPrimed: boolean;
  readonly keptBytesMax: number;
};

export class EventStream {
  private readonly parts: StreamParts;
  private response: ServerResponse | undefined;
  private timer: NodeJS.Timeout | undefined;
  private kept: Kept[] = [];
  private keptBytes = 0;
  private sequence = 0;
  private isEnded = false;
  private readonly unread: (() => void)[] = [];

  constructor(parts: StreamParts) {
    this.parts = parts;
  }

  /** For whoever takes it up again. */
  get bytesKept(): number {
    return this.keptBytes;
  }

  get isConnected(): boolean {
    return this.response !== undefined;
  }

  /** From now on events go here, those first that came behind `lastId`. */
  connect(response: ServerResponse, requestId: string, lastId?: string): void {
    if (this.response !== undefined) this.disconnect(this.response).end();
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      [requestIdHeader]: requestId,
    });
    this.response = response;
    const missed = lastId === undefined ? [] : this.after(lastId);
    for (const { event } of missed) response.write(event);
    if (lastId === undefined && this.parts.name !== undefined && this.parts.isPrimed)
      response.write(primingEvent(`${this.parts.name}-${this.sequence}`, retryMs));
    // Who comes back may have missed nothing, and waits for the head all the same.
    else if (missed.length === 0) response.flushHeaders();
    if (this.isEnded) return void this.disconnect(response).end();
    this.timer = setInterval(() => response.write(keepAlive), keepAliveMs);
    this.timer.unref();
    response.once("close", () => {
      if (this.response === response) this.disconnect(response);
    });
  }

  /** False when the client reads slower than this comes. */
  send(message: Uint8Array): boolean {
    const { name } = this.parts;
    const id = name === undefined ? undefined : `${name}-${++this.sequence}`;
    const event = eventOf(message, id);
    if (id !== undefined) this.keep({ id, event });
    const { response } = this;
    if (response === undefined) return true;
    if (response.writableLength <= unreadBytesMax) return response.write(event);
    response.destroy();
    return true;
  }

  /** However many ask while the client catches up, the response is listened to once. */
  onceRead(go: () => void): void {
    const { response } = this;
    if (response === undefined) return go();
    this.unread.push(go);
    if (this.unread.length > 1) return;
    const read = (): void => {
      response.off("drain", read).off("close", read);
      for (const next of this.unread.splice(0)) next();
    };
    response.once("drain", read).once("close", read);
  }

  /** The last event, and nothing after it. */
  end(message?: Uint8Array): void {
    if (message !== undefined) this.send(message);
    this.isEnded = true;
    if (this.response !== undefined) this.disconnect(this.response).end();
  }

  /** Ends the connection; the stream can be taken up again. */
  hangUp(): void {
    if (this.response !== undefined) this.disconnect(this.response).end();
  }

  private disconnect(response: ServerResponse): ServerResponse {
    clearInterval(this.timer);
    this.response = undefined;
    return response;
  }

  private keep(kept: Kept): void {
    this.kept.push(kept);
    this.keptBytes += kept.event.length;
    while (this.keptBytes > this.parts.keptBytesMax && this.kept.length > 1)
      this.keptBytes -= this.kept.shift()?.event.length ?? 0;
  }

  private after(lastId: string): readonly Kept[] {
    const at = this.kept.findIndex(({ id }) => id === lastId);
    return this.kept.slice(at + 1);
  }
}
