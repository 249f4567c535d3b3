// Passes one request, whole and once, to the worker that has what it is about, and its answer back as it comes. Both ends
// find out for themselves who calls; only the one that serves it records it. A request is passed again only where nobody
// was there to take it.

import type { ServerResponse } from "node:http";
import { connectionHeaders } from "../../http/connection-headers.ts";
import type { Exchange } from "../../http/listener.ts";
import type { Controls, Receiver, ResponseHead } from "../../outgoing/outgoing.ts";
import type { OutgoingPool } from "../../outgoing/pool.ts";

export type HandedOver = {
  readonly exchange: Exchange;
  readonly body: Buffer | undefined;
  /** Said beside what the client said. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Nobody has it: nothing was sent, and the client waits. */
  onNobody(): void;
};

/** Of one connection only, or of the wire's own. */
const leftBehind: ReadonlySet<string> = new Set([...connectionHeaders, "content-length", "host"]);
const prefix = "x-tollgate-hand-";
export const slotHeader = `${prefix}slot`;
export const adoptHeader = `${prefix}adopt`;
export const lifeHeader = `${prefix}life`;

export function handOver(
  pool: Pick<OutgoingPool, "dispatch">,
  { exchange, body, headers, onNobody }: HandedOver,
): void {
  const { request, response } = exchange;
  const sent: string[] = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = "", value = ""] = request.rawHeaders.slice(at, at + 2);
    const lower = name.toLowerCase();
    // What says how it is passed on comes from here alone.
    if (!leftBehind.has(lower) && !lower.startsWith(prefix)) sent.push(name, value);
  }
  for (const [name, value] of headers) sent.push(name, value);
  const method = request.method === "GET" || request.method === "DELETE" ? request.method : "POST";
  pool.dispatch({ method, path: exchange.path, headers: sent, body: body ?? null }, new Passing(response, onNobody));
}

class Passing implements Receiver {
  private readonly response: ServerResponse;
  private readonly onNobody: () => void;
  private controls: Controls | undefined;
  private isOver = false;

  constructor(response: ServerResponse, onNobody: () => void) {
    this.response = response;
    this.onNobody = onNobody;
    response.once("close", () => {
      if (this.isOver) return;
      this.isOver = true;
      this.controls?.abort(new Error("the client closed the request"));
    });
  }

  onRequestStart(controls: Controls): void {
    this.controls = controls;
    if (this.isOver) controls.abort(new Error("the client closed the request"));
  }

  onResponseStart({ status, headers }: ResponseHead): void {
    if (this.response.headersSent) return;
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined && (name === "content-length" || !leftBehind.has(name)))
        this.response.setHeader(name, value);
    this.response.writeHead(status);
    this.response.flushHeaders();
  }

  onResponseData(chunk: Buffer): void {
    // It may have been ended here, and be on its way to a client that reads slowly.
    if (this.response.writableEnded || this.response.write(chunk)) return;
    this.controls?.pause();
    this.response.once("drain", () => this.controls?.resume());
  }

  onResponseEnd(): void {
    this.isOver = true;
    this.response.end();
  }

  onResponseError(): void {
    if (this.isOver) return;
    this.isOver = true;
    // Without a connection nothing was sent; with one, nobody knows what became of it.
    if (this.controls === undefined && !this.response.headersSent) this.onNobody();
    else this.response.destroy();
  }
}
