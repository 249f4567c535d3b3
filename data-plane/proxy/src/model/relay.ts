// An answer on its way from the provider to the client: the head, then chunk by chunk, as slow as the client reads. The end
// is held back until it is let go, and of an answer whose length the client knows, the last chunk with it: nobody has the
// whole of an answer before it is written down.

import type { ServerResponse } from "node:http";
import { requestIdHeader } from "../http/answer.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { AttemptHead } from "./attempt.ts";
import type { Format } from "./format.ts";
import { headersToClient } from "./headers.ts";

export type Flow = { pause(): void; resume(): void };

/** A client that takes nothing for so long is taken for gone. */
const stalledMsMax = 300_000;

export class Relay {
  private readonly response: ServerResponse;
  private readonly flow: Flow;
  private readonly deadlines: Deadlines;
  private readonly length: number | undefined;
  private taken = 0;
  private held: Buffer | undefined;
  private isPaused = false;
  private unwatch: () => void = () => undefined;

  constructor(response: ServerResponse, deadlines: Deadlines, flow: Flow, head: AttemptHead) {
    this.response = response;
    this.deadlines = deadlines;
    this.flow = flow;
    const { "content-length": length } = head.headers;
    this.length = length === undefined ? undefined : Number(length);
  }

  begin({ status, headers, rawHeaders }: AttemptHead, format: Format, requestId: string): void {
    this.response.writeHead(status, [...headersToClient(rawHeaders, format), requestIdHeader, requestId]);
    // Others go out with their first byte, which spares a packet.
    if (headers["content-type"]?.startsWith("text/event-stream") === true) this.response.flushHeaders();
  }

  write(chunk: Buffer): void {
    this.taken += chunk.length;
    if (this.taken === this.length) this.held = chunk;
    else if (!this.response.write(chunk) && !this.isPaused) this.wait();
  }

  private wait(): void {
    this.isPaused = true;
    this.flow.pause();
    this.unwatch = this.deadlines.watch(stalledMsMax, () => this.response.destroy());
    this.response.once("drain", () => {
      this.isPaused = false;
      this.unwatch();
      this.flow.resume();
    });
  }

  end(): void {
    this.unwatch();
    this.response.end(this.held);
  }

  /** So that nobody takes what came for all of it. */
  break(): void {
    this.unwatch();
    this.response.destroy();
  }
}
