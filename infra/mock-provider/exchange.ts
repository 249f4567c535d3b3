// What the mock keeps of each request and of what it sent: headers as they stood on the wire, bodies to the byte, and who
// ended it. A test lays these beside what its client sent and got, and sees what a gate between them changed. Framing of
// HTTP (chunks, and the head's `Date` and `Connection`) is Node's and is not kept.
import type { IncomingMessage } from "node:http";

export type End = "open" | "ended" | "broken by client" | "broken by provider";

export interface Exchange {
  readonly requestId: string;
  readonly method: string;
  /** With its query, as it stood in the first line. */
  readonly target: string;
  /** Names and values in turn, in their order and spelling. */
  readonly rawHeaders: readonly string[];
  /** As it came; a part of it where the client broke off. */
  readonly body: Buffer;
  /** 0: no head was sent. */
  readonly status: number;
  readonly sentRawHeaders: readonly string[];
  /** The answer's body, up to `recordedBytesMax`. */
  readonly sent: Buffer;
  readonly sentBytes: number;
  readonly end: End;
}

/** The same while it goes on. */
export class OpenExchange implements Exchange {
  readonly requestId: string;
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  body: Buffer = Buffer.alloc(0);
  status = 0;
  sentRawHeaders: readonly string[] = [];
  sentBytes = 0;
  end: End = "open";
  #chunks: Buffer[] = [];
  #left: number;

  constructor(requestId: string, request: IncomingMessage, recordedBytesMax: number) {
    const { method = "GET", url = "/", rawHeaders } = request;
    this.requestId = requestId;
    this.method = method;
    this.target = url;
    this.rawHeaders = rawHeaders;
    this.#left = recordedBytesMax;
  }

  get sent(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  noteHead(status: number, rawHeaders: readonly string[]): void {
    this.status = status;
    this.sentRawHeaders = rawHeaders;
  }

  noteSent(chunk: Buffer): void {
    this.sentBytes += chunk.length;
    if (this.#left <= 0) return;
    this.#chunks.push(chunk.subarray(0, this.#left));
    this.#left -= chunk.length;
  }
}
