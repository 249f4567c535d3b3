// One request on its connection: sends it, gives what comes of it, and is what its receiver holds it up or gives it up by. What
// is kept of it after its end does nothing to the next.

import type { Socket } from "node:net";
import { errorOf, tellError, type Controls, type OutgoingBody, type Receiver, type ResponseHead } from "./outgoing.ts";
import type { PrintedHead } from "./request-head.ts";
import type { ResponseReader, ResponseSink } from "./response-reader.ts";

export type PrintedRequest = PrintedHead & { readonly isHead: boolean; readonly body: OutgoingBody };

/** What a request knows of the connection that it is on. */
export type Line = {
  readonly socket: Socket;
  readonly reader: ResponseReader;
  /** What was held back is given, and what comes. */
  resume(): void;
  /** The answer is whole, or nobody ever asked for one; `keptMs` as in `ReadHead`. */
  free(keptMs: number | undefined): void;
  close(problem: Error): void;
};

/** What is written in one piece with its head: to copy it costs less than a second piece. */
const joinedBytesMax = 16 * 1024;

export class Exchange implements Controls, ResponseSink {
  private readonly line: Line;
  private readonly receiver: Receiver;
  private phase: "starting" | "sending" | "sent" | "over" = "starting";
  private givenUp: Error | undefined;

  constructor(line: Line, receiver: Receiver) {
    this.line = line;
    this.receiver = receiver;
  }

  start(request: PrintedRequest): void {
    try {
      this.receiver.onRequestStart(this);
    } catch (error) {
      this.givenUp ??= errorOf(error);
    }
    if (this.givenUp === undefined) return this.send(request);
    // Nothing was sent: the connection is as good as it was.
    const reason = this.givenUp;
    this.phase = "over";
    this.line.reader.stop();
    this.line.free(undefined);
    queueMicrotask(() => tellError(this.receiver, reason));
  }

  private send({ text, bodyBytes, body }: PrintedRequest): void {
    this.phase = "sending";
    const { socket } = this.line;
    if (body === null || bodyBytes <= joinedBytesMax) {
      socket.write(joined(text, body, bodyBytes));
      return this.sent();
    }
    socket.cork();
    socket.write(text, "latin1");
    socket.write(body, (error) => error || this.sent());
    socket.uncork();
  }

  private sent(): void {
    if (this.phase !== "sending" || this.line.socket.destroyed) return;
    this.phase = "sent";
    try {
      this.receiver.onRequestSent?.();
    } catch (error) {
      this.line.close(errorOf(error));
    }
  }

  pause(): void {
    if (this.phase === "over") return;
    this.line.reader.pause();
    this.line.socket.pause();
  }

  resume(): void {
    if (this.phase !== "over") this.line.resume();
  }

  abort(reason: Error): void {
    if (this.phase === "over") return;
    this.givenUp ??= reason;
    if (this.phase === "starting") return;
    this.line.reader.stop();
    this.line.close(reason);
  }

  onHead(head: ResponseHead): void {
    this.receiver.onResponseStart(head);
  }

  onBody(chunk: Buffer): void {
    this.receiver.onResponseData(chunk);
  }

  onEnd(keptMs: number | undefined): void {
    const isWhole = this.phase === "sent";
    this.phase = "over";
    // Who has answered before he had all of the request may not read the rest of it.
    this.line.free(isWhole ? keptMs : 0);
    try {
      this.receiver.onResponseEnd();
    } catch (error) {
      // A bug of the receiver's, which only he can tell his own caller.
      tellError(this.receiver, errorOf(error));
    }
  }

  fail(error: Error): void {
    if (this.isOver()) return;
    this.phase = "over";
    tellError(this.receiver, error);
  }

  private isOver(): boolean {
    return this.phase === "over";
  }
}

function joined(text: string, body: Buffer | string | null, bodyBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(text.length + bodyBytes);
  bytes.write(text, 0, "latin1");
  if (typeof body === "string") bytes.write(body, text.length);
  else if (body !== null) bytes.set(body, text.length);
  return bytes;
}
