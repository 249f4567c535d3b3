// The envelope of one JSON-RPC message from a client: what it is, its id and method, and where the parts stand that are read,
// replaced or handed on. The rest of the body is not looked at. A message that is not exactly one of the three forms is
// refused with a code, and so is one in which anything occurs twice that is decided on here.

import type { ErrorCode } from "@tollgate/kernel/errors";
import {
  memberFinder,
  MemberRefusal,
  textOf,
  valueOf,
  type MemberProblem,
  type Span,
  type Spans,
} from "../../bytes/members.ts";

const paths = [
  "jsonrpc",
  "id",
  "method",
  "params",
  "params>name",
  "params>uri",
  "params>ref",
  "params>ref>type",
  "params>ref>name",
  "params>ref>uri",
  "params>arguments",
  "params>cursor",
  "params>level",
  "params>requestId",
  "params>notifications",
  "params>protocolVersion",
  "params>capabilities",
  "params>clientInfo",
  "params>inputResponses",
  "params>requestState",
  "params>_meta",
  "params>_meta>progressToken",
  "params>_meta>claudecode/toolUseId",
  "params>_meta>callId",
  "params>_meta>sessionId",
  "params>_meta>io.modelcontextprotocol/protocolVersion",
  "params>_meta>io.modelcontextprotocol/clientCapabilities",
  "params>_meta>io.modelcontextprotocol/clientInfo",
  "params>_meta>io.modelcontextprotocol/logLevel",
  "result",
  "error",
] as const;

export type EnvelopeSpans = Spans<(typeof paths)[number]>;

export type Envelope =
  | { kind: "request"; method: string; id: string; at: EnvelopeSpans }
  | { kind: "notification"; method: string; at: EnvelopeSpans }
  | { kind: "response"; id: string; at: EnvelopeSpans };

export type EnvelopeRefusal = { kind: "refused"; code: ErrorCode; detail?: string };

const find = memberFinder(paths);

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
  "not-an-object": invalid("It is not one object."),
  "duplicate-member": { kind: "refused", code: "mcp.duplicate-member" },
  "too-deep": invalid("It is nested too deeply."),
};

function envelopeOf(bytes: Uint8Array): Envelope | EnvelopeRefusal {
  const at = find(bytes);
  if (at.jsonrpc === undefined || valueOf(bytes, at.jsonrpc) !== "2.0") return invalid('`jsonrpc` is not "2.0".');
  if (at.id !== undefined && !isId(bytes, at.id)) return invalid("`id` is neither a text nor a number.");
  const id = at.id === undefined ? undefined : textOf(bytes, at.id.start, at.id.end);
  if (at.method === undefined) {
    const isResponse = id !== undefined && (at.result !== undefined) !== (at.error !== undefined);
    return isResponse ? { kind: "response", id, at } : invalid("`method` is missing.");
  }
  const method = valueOf(bytes, at.method);
  if (typeof method !== "string") return invalid("`method` is not a text.");
  for (const object of [at.params, at["params>_meta"]])
    if (object !== undefined && bytes[object.start] !== 0x7b)
      return invalid("`params` or its `_meta` is not an object.");
  return id === undefined ? { kind: "notification", method, at } : { kind: "request", method, id, at };
}

function invalid(detail: string): EnvelopeRefusal {
  return { kind: "refused", code: "mcp.invalid-request", detail };
}

/** An id is echoed; one without bound would be a body of its own. */
const idBytesMax = 1_024;

function isId(bytes: Uint8Array, span: Span): boolean {
  const first = bytes[span.start] ?? 0;
  const isTextOrNumber = first === 0x22 || first === 0x2d || (first >= 0x30 && first <= 0x39);
  return isTextOrNumber && span.end - span.start <= idBytesMax;
}
