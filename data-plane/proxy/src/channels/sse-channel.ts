// A channel to a server that speaks HTTP+SSE, the transport of 2024-11-05: a GET opens the stream on which everything comes
// from the server; its first event says where to post what goes there. That place has to be of the same origin, addresses
// are guarded as for any server, no redirect is followed, and one connection of its own ends with the channel.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Controls } from "../outgoing/outgoing.ts";
import type { OutgoingPool } from "../outgoing/pool.ts";
import { failureOf } from "../upstream/failure.ts";
import { connectTimeoutMsMax, guardedPool } from "../upstream/pool.ts";
import { closedChannel, type Channel, type ChannelEvents, type Oversized } from "./channel.ts";
import { EventReader } from "./event-reader.ts";
import type { ChannelLimits } from "./limits.ts";
import { problem, type ChannelProblem } from "./problem.ts";

export type SseServer = {
  url: string;
  /** Name after value, on every request. */
  headers: readonly string[];
  allowPrivateNetwork: boolean;
};

export type SseLimits = Pick<ChannelLimits, "messageBytesMax" | "unreadBytesMax" | "answerMsMax">;

/** One is the stream's. */
const connectionsMax = 16;
const endpointBytesMax = 2_048;
/** Of what answers a message; of more its connection is not worth it. */
const unwantedBytesMax = 64 * 1024;

type Waiting = { message: Buffer; onFailed: ((why: ChannelProblem) => void) | undefined };

export function openSseChannel(server: SseServer, limits: SseLimits, events: ChannelEvents): Channel {
  const url = URL.canParse(server.url) ? new URL(server.url) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    return closedChannel(problem("channel.not-started", "The server's URL is no address of the web."), events);
  return new SseChannel(server, url, limits, events);
}

class SseChannel implements Channel {
  readonly #server: SseServer;
  readonly #limits: SseLimits;
  readonly #events: ChannelEvents;
  readonly #url: URL;
  readonly #pool: OutgoingPool;
  readonly #endpointTimer: NodeJS.Timeout;
  #stream: Controls | undefined;
  #endpoint: string | undefined;
  /** Until the endpoint is known, and behind what has to arrive first. */
  #waiting: Waiting[] = [];
  #unreadBytes = 0;
  #isBarred = false;
  #isOver = false;

  constructor(server: SseServer, url: URL, limits: SseLimits, events: ChannelEvents) {
    this.#server = server;
    this.#limits = limits;
    this.#events = events;
    this.#url = url;
    const { allowPrivateNetwork } = server;
    this.#pool = guardedPool(url, { allowPrivateNetwork, connectTimeoutMs: connectTimeoutMsMax, connectionsMax });
    this.#endpointTimer = setTimeout(
      () => this.#end(problem("channel.timeout", "The server did not say in time where to post messages.")),
      limits.answerMsMax,
    );
    this.#openStream();
  }

  send(message: Buffer, onFailed?: (why: ChannelProblem) => void): boolean {
    if (this.#unreadBytes > this.#limits.unreadBytesMax) return false;
    if (this.#isOver) return true;
    this.#unreadBytes += message.length;
    this.#waiting.push({ message, onFailed });
    this.#postWaiting();
    return true;
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  async close(): Promise<void> {
    this.#end(problem("channel.closing", "The channel was closed."));
    await this.#pool.destroy();
  }

  #openStream(): void {
    const reader = new EventReader((type, data) => this.#take(type, data), this.#limits.messageBytesMax);
    const { pathname, search } = this.#url;
    this.#pool.dispatch(
      {
        method: "GET",
        path: pathname + search,
        headers: ["accept", "text/event-stream", ...this.#server.headers],
        body: null,
      },
      {
        onRequestStart: (controls) => {
          this.#stream = controls;
          if (this.#isOver) controls.abort(new Error("The channel is closed."));
        },
        onResponseStart: ({ status, headers }) => {
          const isStream = status === 200 && String(headers["content-type"]).startsWith("text/event-stream");
          if (!isStream) this.#end(refused(status, `The server answered ${status}, and no event stream.`));
        },
        onResponseData: (chunk) => {
          if (!this.#isOver) reader.push(chunk);
        },
        onResponseEnd: () => this.#end(problem("channel.ended", "The server ended its event stream.")),
        onResponseError: (error) => this.#end(unreachable(error)),
      },
    );
  }

  #take(type: string, data: Buffer | Oversized): void {
    if (this.#isOver) return;
    if (type === "endpoint") return this.#takeEndpoint(data);
    if (type !== "message") return;
    if (Buffer.isBuffer(data)) this.#events.onMessage(data);
    else this.#events.onOversized(data);
  }

  #takeEndpoint(data: Buffer | Oversized): void {
    const text = Buffer.isBuffer(data) && data.length <= endpointBytesMax ? data.toString("utf8") : "";
    const endpoint = text !== "" && URL.canParse(text, this.#url) ? new URL(text, this.#url) : undefined;
    if (endpoint?.origin !== this.#url.origin)
      return this.#end(problem("channel.protocol", "The server wants messages posted to another origin, or nowhere."));
    clearTimeout(this.#endpointTimer);
    this.#endpoint ??= endpoint.pathname + endpoint.search;
    this.#postWaiting();
  }

  #postWaiting(): void {
    const path = this.#endpoint;
    while (path !== undefined && !this.#isBarred) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#isBarred = next.onFailed === undefined;
      void this.#post(path, next);
    }
  }

  async #post(path: string, { message, onFailed }: Waiting): Promise<void> {
    const failed = await this.#postOne(path, message);
    this.#unreadBytes -= message.length;
    if (failed !== undefined) onFailed?.(failed);
    if (onFailed !== undefined) return;
    this.#isBarred = false;
    this.#postWaiting();
  }

  async #postOne(path: string, message: Buffer): Promise<ChannelProblem | undefined> {
    try {
      const status = await this.#statusOf(path, message);
      if (status >= 200 && status < 300) return undefined;
      const why = refused(status, `The server answered ${status} to a message.`);
      // It does not know the stream any more; nothing will come on it.
      if (status === 404 || status === 410) this.#end(why);
      return why;
    } catch (error) {
      return unreachable(error);
    }
  }

  /** What it answers a message with beside its status is read, so that the connection can be used again, and is of no use. */
  #statusOf(path: string, message: Buffer): Promise<number> {
    const headers = ["content-type", "application/json", "accept", "application/json", ...this.#server.headers];
    return new Promise((resolve, reject) => {
      let controls: Controls | undefined;
      let unread = 0;
      let isLate = false;
      const late = new TollgateError("upstream.timeout");
      const timer = setTimeout(() => {
        isLate = true;
        reject(late);
        controls?.abort(late);
      }, this.#limits.answerMsMax);
      this.#pool.dispatch(
        { method: "POST", path, headers, body: message },
        {
          onRequestStart(given) {
            controls = given;
            // It was said that it did not get there.
            if (isLate) given.abort(late);
          },
          onResponseStart: ({ status }) => resolve(status),
          onResponseData: (chunk) => {
            unread += chunk.length;
            if (unread > unwantedBytesMax) controls?.abort(late);
          },
          onResponseEnd: () => clearTimeout(timer),
          onResponseError(error) {
            clearTimeout(timer);
            reject(error);
          },
        },
      );
    });
  }

  #end(why: ChannelProblem): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#endpointTimer);
    this.#waiting = [];
    this.#stream?.abort(new Error("The channel is closed."));
    void this.#pool.destroy();
    // Never within the call that opened the channel.
    queueMicrotask(() => this.#events.onClosed(why));
  }
}

function refused(status: number, message: string): ChannelProblem {
  return problem(status === 401 || status === 403 ? "channel.refused" : "channel.unreachable", message);
}

function unreachable(error: unknown): ChannelProblem {
  return problem("channel.unreachable", failureOf(error).message);
}
