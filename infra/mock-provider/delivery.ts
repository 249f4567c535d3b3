// Puts an answer on the wire, with all that a trouble says may go wrong on the way: delays, pieces of any size, breaks,
// silence, garbage. It waits for a client that reads slowly, as a provider does, and says in the end how much of the answer
// was generated and who ended it. What that costs is not decided here.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { OpenExchange } from "./exchange.ts";
import type { Trouble } from "./reply.ts";

/** What goes out at once: an event of a stream, or all of a plain answer. */
export interface Piece {
  readonly text: string;
  /** Of the whole answer, up to and with this piece. */
  readonly outputTokens: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly isStream: boolean;
  readonly isCompressed: boolean;
  readonly pieces: Iterable<Piece>;
  /** What stands in a stream in place of the event with this number when it fails. */
  readonly streamError?: (event: number) => string;
}

export interface Delivered {
  readonly outputTokens: number;
  /** Not so where the stream ended with an error. */
  readonly isWhole: boolean;
}

/** The answer goes on, was ended early with all of HTTP's form, or was broken. */
type Course = "on" | "ended" | "broken";

const writeBytesMax = 64 * 1024;
const garbage = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 31 + 128) % 256));

export async function deliver(
  response: ServerResponse,
  answer: Answer,
  trouble: Trouble,
  exchange: OpenExchange,
): Promise<Delivered> {
  const delivery = new Delivery(response, trouble, exchange);
  try {
    const course = await delivery.run(answer);
    exchange.end = course === "broken" ? "broken by provider" : "ended";
    return { outputTokens: delivery.outputTokens, isWhole: course === "on" };
  } catch (error) {
    // Whatever was under way when the client went ends with its signal.
    if (!delivery.isLeft) throw error;
    exchange.end = "broken by client";
    return { outputTokens: delivery.outputTokens, isWhole: false };
  }
}

class Delivery {
  outputTokens = 0;
  readonly #response: ServerResponse;
  readonly #trouble: Trouble;
  readonly #exchange: OpenExchange;
  readonly #leaving = new AbortController();
  #events = 0;
  #isFirst = true;

  constructor(response: ServerResponse, trouble: Trouble, exchange: OpenExchange) {
    this.#response = response;
    this.#trouble = trouble;
    this.#exchange = exchange;
    response.once("close", () => {
      if (!response.writableFinished) this.#leaving.abort();
    });
    if (response.destroyed) this.#leaving.abort();
  }

  get isLeft(): boolean {
    return this.#leaving.signal.aborted;
  }

  async run(answer: Answer): Promise<Course> {
    const { headDelayMs, noHead, garbage: garbageAs } = this.#trouble;
    if (headDelayMs !== undefined) await delay(headDelayMs, undefined, { signal: this.#leaving.signal });
    if (noHead === "hang") return this.#hang();
    if (noHead !== undefined) return this.#break(noHead === "reset");
    if (garbageAs === "head") {
      this.#response.socket?.write(garbage);
      return this.#break(false);
    }
    const pieces = garbageAs === "body" ? [{ text: "", outputTokens: 0 }] : answer.pieces;
    this.#writeHead(answer, pieces);
    let course: Course = "on";
    if (garbageAs === "body") course = await this.#send(garbage);
    else
      for (const piece of pieces) {
        course = await this.#sendPiece(piece, answer);
        if (course !== "on") break;
      }
    if (course !== "broken") await this.#finish();
    return course;
  }

  #writeHead({ status, headers, isStream, isCompressed }: Answer, pieces: Iterable<Piece>): void {
    const { headers: more = {}, headerCount = 0, headerValueBytes = 16 } = this.#trouble;
    const flood = Array.from({ length: headerCount }, (_, index) => [`x-flood-${index}`, "f".repeat(headerValueBytes)]);
    const isPlain = !isStream && !isCompressed && Array.isArray(pieces) && this.#trouble.garbage === undefined;
    const encoding = isCompressed ? [["Content-Encoding", "gzip"]] : [];
    const length = isPlain ? [["Content-Length", String(bytesOf(pieces))]] : [];
    const raw = [...headers, ...Object.entries(more), ...flood, ...encoding, ...length].flat();
    this.#exchange.noteHead(status, raw);
    this.#response.writeHead(status, raw);
    this.#response.flushHeaders();
  }

  async #sendPiece(piece: Piece, { streamError, isCompressed }: Answer): Promise<Course> {
    const { errorAfterEvents, cutAfterEvents, hangAfterEvents } = this.#trouble;
    if (this.#events === hangAfterEvents) return this.#hang();
    if (this.#events === cutAfterEvents) return this.#break(false);
    if (this.#events === errorAfterEvents) {
      await this.#send(Buffer.from(streamError?.(this.#events) ?? ""));
      return "ended";
    }
    // It was generated before it goes out, whoever breaks off in between.
    this.outputTokens = piece.outputTokens;
    this.#events++;
    const bytes = Buffer.from(piece.text);
    // Whoever unpacks takes one gzip file after the other for one.
    return this.#send(isCompressed ? gzipSync(bytes) : bytes);
  }

  /** In pieces, each when the client has taken the former. */
  async #send(bytes: Buffer): Promise<Course> {
    const { chunkBytes = writeBytesMax, cutAfterBytes, hangAfterBytes } = this.#trouble;
    const until = Math.min(cutAfterBytes ?? Infinity, hangAfterBytes ?? Infinity) - this.#exchange.sentBytes;
    const sendable = bytes.subarray(0, until);
    for (let start = 0; start < sendable.length; start += chunkBytes) {
      await this.#write(sendable.subarray(start, start + chunkBytes));
    }
    if (sendable.length === bytes.length) return "on";
    return cutAfterBytes === undefined ? this.#hang() : this.#break(false);
  }

  async #write(chunk: Buffer): Promise<void> {
    const { signal } = this.#leaving;
    const { bodyDelayMs, chunkDelayMs } = this.#trouble;
    const delayMs = this.#isFirst ? bodyDelayMs : chunkDelayMs;
    if (delayMs !== undefined) await delay(delayMs, undefined, { signal });
    this.#isFirst = false;
    signal.throwIfAborted();
    this.#exchange.noteSent(chunk);
    if (!this.#response.write(chunk)) await once(this.#response, "drain", { signal });
  }

  #finish(): Promise<void> {
    const { signal } = this.#leaving;
    return new Promise((done, fail) => {
      signal.addEventListener("abort", () => fail(new Error("the client left before the end")), { once: true });
      this.#response.end(() => done());
    });
  }

  /** Until the client goes. */
  async #hang(): Promise<never> {
    const { signal } = this.#leaving;
    if (!signal.aborted) await once(signal, "abort");
    throw new Error("the client left an answer that did not go on");
  }

  /** What was written before goes out still, unless it is a reset. */
  async #break(isReset: boolean): Promise<"broken"> {
    const { socket } = this.#response;
    if (isReset) {
      socket?.resetAndDestroy();
      return "broken";
    }
    await new Promise<void>((done) => {
      if (socket === null || socket.destroyed) return done();
      socket.write("", () => done());
    });
    socket?.destroy();
    return "broken";
  }
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
}
