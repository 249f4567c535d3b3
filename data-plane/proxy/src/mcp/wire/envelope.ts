// The envelope of one JSON-RPC message from a client: what it is, its id and method, and where the parts stand that are
// replaced or handed on. The rest of the body is not looked at. A message that is not exactly one of the three forms is
// refused with a code.

import type { ErrorCode } from "@tollgate/kernel/errors";
import { memberFinder, MemberRefusal, valueOf, type MemberProblem, type Span } from "./members.ts";

export type Envelope =
  | { kind: "request"; method: string; id: Span; params: Span | undefined; name: Span | undefined }
  | { kind: "notification"; method: string }
  /** A client's answer to a request of ours; this door sends none. */
  | { kind: "response" };

export type EnvelopeRefusal = { kind: "refused"; code: ErrorCode; detail?: string };

// Everything that this door decides by is found in one go, so that a double of any of it refuses the message.
const find = memberFinder([
  "jsonrpc",
  "id",
  "method",
  "params",
  "params.name",
  "params.protocolVersion",
  "result",
  "error",
]);

export type RequestEnvelope = Extract<Envelope, { kind: "request" }>;

export function readEnvelope(bytes: Uint8Array): Envelope | EnvelopeRefusal {
  try {
    return envelopeOf(bytes);
  } catch (error) {
    if (error instanceof MemberRefusal) return refusals[error.problem];
    throw error;
  }
}

const refusals: Record<MemberProblem, EnvelopeRefusal> = {
  "not-json": { kind: "refused", code: "mcp.parse-error" },
  "not-an-object": invalid("It is not one object; batches are not taken."),
  "duplicate-member": { kind: "refused", code: "mcp.duplicate-member" },
  "too-deep": invalid("It is nested too deeply."),
};

function envelopeOf(bytes: Uint8Array): Envelope | EnvelopeRefusal {
  const spans = find(bytes);
  if (spans.jsonrpc === undefined || valueOf(bytes, spans.jsonrpc) !== "2.0") return invalid('`jsonrpc` is not "2.0".');
  if (spans.method === undefined) {
    const isResponse = spans.id !== undefined && (spans.result !== undefined || spans.error !== undefined);
    return isResponse ? { kind: "response" } : invalid("`method` is missing.");
  }
  const method = valueOf(bytes, spans.method);
  if (typeof method !== "string") return invalid("`method` is not a text.");
  const params = spans.params;
  if (params !== undefined && bytes[params.start] !== 0x7b) return invalid("`params` is not an object.");
  if (spans.id === undefined) return { kind: "notification", method };
  if (!isId(bytes, spans.id)) return invalid("`id` is neither a text nor a number.");
  return { kind: "request", method, id: spans.id, params, name: spans["params.name"] };
}

function invalid(detail: string): EnvelopeRefusal {
  return { kind: "refused", code: "mcp.invalid-request", detail };
}

/** An id is relayed and echoed; one without bound would be a body of its own. */
const idBytesMax = 1_024;

function isId(bytes: Uint8Array, span: Span): boolean {
  const first = bytes[span.start] ?? 0;
  const isTextOrNumber = first === 0x22 || first === 0x2d || (first >= 0x30 && first <= 0x39);
  return isTextOrNumber && span.end - span.start <= idBytesMax;
}

/** The version a client's `initialize` asks for; undefined where it names none. */
export function requestedVersion(bytes: Uint8Array): string | undefined {
  const span = find(bytes)["params.protocolVersion"];
  const value = span && valueOf(bytes, span);
  return typeof value === "string" ? value : undefined;
}

/** The bytes with one span replaced; all others as they came. */
export function splice(bytes: Uint8Array, span: Span, replacement: string): Buffer {
  const between = Buffer.byteLength(replacement);
  const spliced = Buffer.allocUnsafe(span.start + between + bytes.length - span.end);
  spliced.set(bytes.subarray(0, span.start), 0);
  spliced.write(replacement, span.start);
  spliced.set(bytes.subarray(span.end), span.start + between);
  return spliced;
}
