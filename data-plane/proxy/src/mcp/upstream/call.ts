// A request of the gate to one server, whichever era that speaks: what comes back until the one response, and how it is
// given up. Each hop has ids and progress tokens of its own, because a server must never see one twice.

import { randomBytes } from "node:crypto";
import type { TollgateError } from "@tollgate/kernel/errors";
import type { ServerNotification, ServerRequest, ServerResponse } from "../wire/message.ts";

export type CallEvents = {
  onNotification(notification: ServerNotification): void;
  /** Only servers of the legacy era ask in the middle of a call. */
  onRequest(request: ServerRequest): void;
  /** The one response, with the id of this hop in it. */
  onResponse(response: ServerResponse): void;
  /** There will be no response. `wasSent` false: the server saw nothing of it. */
  onFailed(error: TollgateError, wasSent: boolean): void;
};

export type UpstreamCall = {
  /** What came so far, and when the first of it did (monotonic; 0 before). */
  readonly seen: { readonly status: number; readonly bytes: number; readonly firstByteMs: number };
  /** Nobody waits for it any more: the server is told, and nothing more is given. */
  cancel(reason: string): void;
  /** Ends it with this failure. */
  fail(error: TollgateError): void;
  pause(): void;
  resume(): void;
};

// Processes that share a server must not share ids: each counts from a place of its own, in integers that any JSON reader holds.
let last = (randomBytes(4).readUInt32BE() % 2 ** 20) * 2 ** 32;

export function nextId(): number {
  return ++last;
}
