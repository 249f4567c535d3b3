// A request to a server of the modern era over Streamable HTTP: no session, everything stands in the request, and closing the
// connection is how it is given up. The headers that repeat parts of the body are made here from what is sent, never taken
// over from a client.

import { TollgateError } from "@tollgate/kernel/errors";
import { headerValueOf } from "../wire/header-value.ts";
import { MemberRefusal } from "../../bytes/members.ts";
import { readError, readServerMessage, type ServerError, type ServerResponse } from "../wire/message.ts";
import type { CallEvents, UpstreamCall } from "./call.ts";
import { ask, postHeaders, type AskParts } from "./ask.ts";
import { MessageExchange } from "./message-exchange.ts";

export const modernVersion = "2026-07-28";

/** What every request to a modern server needs, whatever era asks for it. */
export type ModernParts = AskParts;

export type ModernRequest = {
  readonly id: number;
  readonly method: string;
  /** `params.name` or `params.uri`, where the method has one. */
  readonly name: string | undefined;
  /** `Mcp-Param-…`, name after value. */
  readonly paramHeaders: readonly string[];
  readonly body: Buffer;
  readonly stays?: boolean;
};

export function modernHeaders(
  { upstream, upstreams }: ModernParts,
  { method, name, paramHeaders }: Pick<ModernRequest, "method" | "name" | "paramHeaders">,
): string[] {
  const headers = [...postHeaders, ...upstreams.secretHeaders(upstream)];
  headers.push("mcp-protocol-version", modernVersion, "mcp-method", method);
  if (name !== undefined) headers.push("mcp-name", headerValueOf(name));
  headers.push(...paramHeaders);
  return headers;
}

/** `_meta` of a request of the gate's own. */
export function ownMeta(capabilities: string, clientInfo: string): string {
  return `{"io.modelcontextprotocol/protocolVersion":"${modernVersion}","io.modelcontextprotocol/clientInfo":${clientInfo},"io.modelcontextprotocol/clientCapabilities":${capabilities}}`;
}

/** One request of the gate's own; the message that answers it. */
export async function askModern(
  parts: ModernParts,
  id: number,
  method: string,
  params: string,
  meter?: (bytes: number) => TollgateError | undefined,
): Promise<Buffer> {
  const headers = modernHeaders(parts, { method, name: undefined, paramHeaders: [] });
  return (await ask(parts, headers, id, method, params, meter)).message;
}

export class ModernCall implements UpstreamCall {
  readonly seen = { status: 0, bytes: 0, firstByteMs: 0 };
  private readonly id: string;
  private readonly events: CallEvents;
  private readonly exchange: MessageExchange;
  private isOver = false;

  constructor(parts: ModernParts, request: ModernRequest, events: CallEvents) {
    this.id = String(request.id);
    this.events = events;
    const { messageBytesMax } = parts;
    const headers = modernHeaders(parts, request);
    this.exchange = new MessageExchange(
      { method: "POST", headers, body: request.body, messageBytesMax, stays: request.stays ?? false },
      {
        onMessage: (bytes) => this.take(bytes),
        // An error takes its time to be made, and almost every answer has come by its end.
        onEnd: () =>
          this.isOver || this.fail(new TollgateError("upstream.protocol", "Its answer ended before the result.")),
        onRejected: (status, _headers, body) => this.rejected(status, body),
        onFailed: (error) => this.fail(error),
      },
    );
    this.exchange.start(parts.upstream);
  }

  private take(bytes: Buffer): void {
    this.note();
    const message = readServerMessage(bytes);
    if (message === undefined || this.isOver) return;
    if (message.kind === "notification") return this.events.onNotification(message);
    // A modern server asks by its result alone; what it sends otherwise is no part of the protocol.
    if (message.kind === "request" || message.id !== this.id) return;
    this.answered(message);
  }

  private answered(message: ServerResponse): void {
    const error = message.at.error === undefined ? undefined : errorIn(message);
    // What was wrong between the gate and the server is no concern of the client's.
    if (error !== undefined && hopErrors.has(error.code))
      return this.fail(new TollgateError("upstream.protocol", `It refused the gate's request (${error.code}).`));
    this.isOver = true;
    this.events.onResponse(message);
  }

  private rejected(status: number, body: Buffer): void {
    this.note();
    const message = status === 400 || status === 404 ? readServerMessage(body) : undefined;
    if (message?.kind !== "response" || message.at.error === undefined || message.id !== this.id)
      return this.fail(new TollgateError("upstream.protocol", `It answered with status ${status}.`));
    this.answered(message);
  }

  fail(error: TollgateError): void {
    if (this.isOver) return;
    this.note();
    this.isOver = true;
    const wasSent = this.exchange.wasSent();
    this.exchange.drop();
    this.events.onFailed(error, wasSent);
  }

  cancel(): void {
    this.isOver = true;
    this.exchange.drop();
  }

  pause(): void {
    this.exchange.pause();
  }

  resume(): void {
    this.exchange.resume();
  }

  private note(): void {
    this.seen.status = this.exchange.status;
    this.seen.bytes = this.exchange.bytes;
    this.seen.firstByteMs = this.exchange.firstByteMs;
  }
}

function errorIn({ bytes }: ServerResponse): ServerError | undefined {
  try {
    return readError(bytes);
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
}

/** Headers that do not agree with the body, and a version that is not served. */
const hopErrors: ReadonlySet<number> = new Set([-32020, -32022]);
