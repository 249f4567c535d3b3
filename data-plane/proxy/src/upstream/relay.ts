// Carries one answer of a server to the client as it comes: same bytes, back-pressure by pausing, cancelled when the client
// hangs up, cut at the deadline. The last bytes are held back until whoever asked has done what must come first (the fact
// is in the spool), so a client never has the whole of an answer that nobody counted. An answer that is none (another
// status, another type) or never came reaches the caller instead, with the client still waiting.

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { TollgateError } from "@tollgate/kernel/errors";
import type { Dispatcher } from "undici";
import { requestIdHeader } from "../http/answer.ts";
import { failureOf } from "./failure.ts";

export type Completion = {
  readonly outcome: "answered" | "upstream-failed" | "client-closed";
  readonly upstreamStatus: number;
  readonly responseBytes: number;
  readonly firstByteMs: number;
};

export type RelayParts = {
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly startedMs: number;
  /** Nothing has reached the client, and the whole of the short answer is here. */
  onRejected(status: number, body: Buffer): void;
  /** Nothing has reached the client. */
  onFailed(error: TollgateError, status: number): void;
  /** The answer is over, well or badly; what was held back goes out with `release`. */
  onEnd(completion: Completion, release: () => void): void;
  /** What an event stream that breaks between two events still says. */
  lastEvent(error: TollgateError): string;
};

const rejectedBytesMax = 64 * 1024;
/** How long the newest piece of an event stream waits for the end of the stream, which usually comes with it. */
const eventHeldMs = 5;

type State = "waiting" | "relaying" | "rejecting" | "over";

export class Relay implements Dispatcher.DispatchHandler {
  private readonly parts: RelayParts;
  private state: State = "waiting";
  private controller: Dispatcher.DispatchController | undefined;
  private abortReason: TollgateError | undefined;
  private status = 0;
  private headers: IncomingHttpHeaders = {};
  private isEventStream = false;
  private held: Buffer | undefined;
  private heldTimer: NodeJS.Timeout | undefined;
  private rejected: Buffer[] = [];
  private rejectedBytes = 0;
  private responseBytes = 0;
  private firstByteMs = 0;
  private endsEvent = true;

  constructor(parts: RelayParts) {
    this.parts = parts;
  }

  /** Ends the call to the server, for a deadline. */
  abort(reason: TollgateError): void {
    this.abortReason ??= reason;
    this.controller?.abort(reason);
  }

  /** Whether the server may have seen any of the request. */
  wasSent(): boolean {
    return this.controller !== undefined;
  }

  /** To be called when the client's connection is gone. */
  clientClosed(): void {
    if (this.state === "over") return;
    this.finish("client-closed", nothing);
    this.abort(new TollgateError("upstream.unreachable"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.abortReason !== undefined) controller.abort(this.abortReason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.state !== "waiting") return;
    this.status = status;
    this.headers = headers;
    const type = headers["content-type"] ?? "";
    this.isEventStream = type.startsWith("text/event-stream");
    const isAnswer = status === 200 && (this.isEventStream || type.startsWith("application/json"));
    this.state = isAnswer ? "relaying" : "rejecting";
    this.firstByteMs = performance.now() - this.parts.startedMs;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.state === "rejecting") return this.keepRejected(chunk);
    if (this.state !== "relaying") return;
    this.responseBytes += chunk.length;
    this.flush();
    this.held = chunk;
    if (this.isEventStream) {
      this.heldTimer ??= setTimeout(() => this.flush(), eventHeldMs);
      this.heldTimer.refresh();
    }
  }

  onResponseEnd(): void {
    if (this.state === "rejecting") {
      this.state = "over";
      return this.parts.onRejected(this.status, Buffer.concat(this.rejected));
    }
    if (this.state !== "relaying") return;
    this.finish("answered", () => this.release());
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.state === "over") return;
    const error = this.abortReason ?? failureOf(cause);
    const { response, onFailed, lastEvent } = this.parts;
    if (!response.headersSent && !(this.isEventStream && this.held !== undefined)) {
      this.state = "over";
      clearTimeout(this.heldTimer);
      return onFailed(error, this.status);
    }
    this.flush();
    this.finish("upstream-failed", () => {
      if (this.isEventStream && this.endsEvent) response.end(lastEvent(error));
      else response.destroy();
    });
  }

  private keepRejected(chunk: Buffer): void {
    this.rejectedBytes += chunk.length;
    if (this.rejectedBytes <= rejectedBytesMax) this.rejected.push(chunk);
    else this.abort(new TollgateError("upstream.protocol", `It answered ${this.status} at length.`));
  }

  /** Where the client is slower than the server, the server waits. */
  private flush(): void {
    const { controller, held: chunk } = this;
    const { response } = this.parts;
    this.held = undefined;
    if (chunk === undefined || response.destroyed) return;
    this.writeHead();
    this.endsEvent = chunk.at(-1) === newline && (chunk.at(-2) === newline || chunk.at(-3) === newline);
    if (response.write(chunk) || controller === undefined) return;
    controller.pause();
    response.once("drain", () => controller.resume());
  }

  private writeHead(): void {
    const { response, requestId } = this.parts;
    if (response.headersSent) return;
    const headers: Record<string, string> = {
      "content-type": this.headers["content-type"] ?? "application/json",
      [requestIdHeader]: requestId,
    };
    const length = this.headers["content-length"];
    // An event stream that breaks off gets one event more than its server announced.
    if (length !== undefined && !this.isEventStream) headers["content-length"] = length;
    const encoding = this.headers["content-encoding"];
    if (encoding !== undefined) headers["content-encoding"] = encoding;
    if (this.isEventStream) headers["cache-control"] = "no-cache";
    response.writeHead(200, headers);
  }

  private release(): void {
    this.writeHead();
    this.parts.response.end(this.held);
  }

  private finish(outcome: Completion["outcome"], release: () => void): void {
    this.state = "over";
    clearTimeout(this.heldTimer);
    const { status: upstreamStatus, responseBytes, firstByteMs } = this;
    this.parts.onEnd({ outcome, upstreamStatus, responseBytes, firstByteMs }, release);
  }
}

const newline = 0x0a;

function nothing(): void {
  // The client is gone: nobody is left to send to.
}
