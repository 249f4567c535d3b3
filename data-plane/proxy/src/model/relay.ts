// An answer on its way from the provider to the client: the head, then chunk by chunk, as slow as the client reads. The end
// is held back until it is let go, and of an answer whose length the client knows, the last chunk with it: nobody has the
// whole of an answer before it is written down. Bytes pass as they are, but for what a filter takes out.

import { requestIdHeader } from "../http/answer.ts";
import type { GateResponse } from "../http/gate-response.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { ResponseHead } from "../outgoing/outgoing.ts";
import type { StreamFilter } from "./format.ts";
import { headersToClient } from "./headers.ts";

export type Flow = { pause(): void; resume(): void };

export type RelayParts = {
  readonly response: GateResponse;
  readonly deadlines: Deadlines;
  readonly flow: Flow;
  readonly filter: StreamFilter | undefined;
  /** `content-length` of the answer. */
  readonly length: string | undefined;
};

const lineFeed = 0x0a;

/** A client that takes nothing for so long is taken for gone. */
const stalledMsMax = 300_000;

export class Relay {
  private readonly response: GateResponse;
  private readonly flow: Flow;
  private readonly deadlines: Deadlines;
  private readonly filter: StreamFilter | undefined;
  /** As the client knows it. */
  private readonly length: number | undefined;
  private taken = 0;
  private held: Buffer | undefined;
  /** Until it is shown. */
  private head: { readonly status: number; readonly lines: string[]; readonly more: string } | undefined;
  private isPaused = false;
  private isBetweenEvents = true;
  private unwatch: () => void = () => undefined;

  constructor({ response, deadlines, flow, filter, length }: RelayParts) {
    this.response = response;
    this.deadlines = deadlines;
    this.flow = flow;
    this.filter = filter;
    this.length = filter === undefined && length !== undefined ? Number(length) : undefined;
  }

  /** `more`: lines as they are in a head. */
  begin({ status, headers, rawHeaders }: ResponseHead, requestId: string, more: string): void {
    const lines = headersToClient(rawHeaders, this.filter === undefined);
    lines.push(requestIdHeader, requestId);
    this.head = { status, lines, more };
    // Others go out with their first byte, which spares a packet, and until then can still become an error.
    if (headers["content-type"]?.startsWith("text/event-stream") !== true) return;
    this.show();
    this.response.flushHeaders();
  }

  /** Whether the client was given any of it. */
  get isSeen(): boolean {
    return this.head === undefined;
  }

  private show(): void {
    if (this.head === undefined) return;
    const { status, lines, more } = this.head;
    this.response.writeCheckedHead(status, lines, more);
    this.head = undefined;
  }

  write(chunk: Buffer): void {
    this.taken += chunk.length;
    const sent = this.filter === undefined ? chunk : this.filter.push(chunk);
    if (this.taken === this.length) this.held = sent;
    else if (sent.length > 0) this.send(sent);
  }

  private send(chunk: Buffer): void {
    this.show();
    this.isBetweenEvents = chunk.at(-1) === lineFeed && chunk.at(-2) === lineFeed;
    if (!this.response.write(chunk) && !this.isPaused) this.wait();
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
    this.show();
    this.response.end(this.filter === undefined ? this.held : this.filter.end());
  }

  /** Ends a stream in the words of its protocol, in the place of what was still to come. */
  cut(event: string): void {
    this.unwatch();
    this.show();
    this.response.end(this.isBetweenEvents ? event : `\n\n${event}`);
  }

  /** So that nobody takes what came for all of it. */
  break(): void {
    this.unwatch();
    this.response.destroy();
  }
}
