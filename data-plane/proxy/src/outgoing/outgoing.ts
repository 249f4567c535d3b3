// What goes out over HTTP/1.1 and what comes back of it: one request, its one answer, and how both are held up or given up.
// Whoever asks implements `Receiver`; nothing here keeps a time of a request, repeats one, or knows what it means.

import type { IncomingHttpHeaders } from "node:http";

export type OutgoingBody = Buffer | string | null;

export type OutgoingRequest = {
  readonly method: string;
  readonly path: string;
  /** Name after value; the host is said where it is not among them, and the length of the body. */
  readonly headers: readonly string[];
  readonly body: OutgoingBody;
};

export type ResponseHead = {
  readonly status: number;
  /** By lower-case names; what is said twice is joined, of what there is one the first counts. Answers with the same head share it. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** As it came, name after value. */
  readonly rawHeaders: readonly string[];
};

export type Controls = {
  /** Nothing more is given until `resume`. */
  pause(): void;
  resume(): void;
  /** Gives the request up, and its connection with it; the receiver gets `reason` as the error. */
  abort(reason: Error): void;
};

/** Of `onResponseEnd` and `onResponseError` one comes, and comes last; neither comes within `dispatch`. */
export type Receiver = {
  /** There is a connection: from now on the other side may see some of the request. */
  onRequestStart(controls: Controls): void;
  /** The socket has taken all of it; of a large body, the system has, so that it may have come. */
  onRequestSent?(): void;
  onResponseStart(head: ResponseHead): void;
  /** The bytes are the receiver's to keep. */
  onResponseData(chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(error: Error): void;
};

export type OutgoingErrorCode = "HTTP_MALFORMED" | "HTTP_HEAD_TOO_LARGE" | "HTTP_CLOSED_EARLY" | "HTTP_POOL_CLOSED";

/** Why a request came to nothing; what the sockets say is passed on as they say it. */
export class OutgoingError extends Error {
  readonly code: OutgoingErrorCode;

  constructor(code: OutgoingErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a receiver throws when it is told so harms nobody else's request, and is a bug that ends the process as any other. */
export function tellError(receiver: Receiver, error: Error): void {
  try {
    receiver.onResponseError(error);
  } catch (bug) {
    setImmediate(() => {
      throw bug;
    });
  }
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
