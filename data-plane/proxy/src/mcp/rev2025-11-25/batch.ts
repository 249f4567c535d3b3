// An array of messages in one body, which 2025-03-26 alone of all versions knows: each is taken as if it had come by itself, in
// the order in which it stands. There are bounded many, and a session does not begin in one.

import type { Refusal } from "../../pipeline/call.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import { readEnvelope, type Envelope } from "../wire/envelope.ts";
import { MemberRefusal, visitElements, type Span } from "../../bytes/members.ts";

const version = "2025-03-26";
export const batchMessagesMax = 64;

export type BatchMessage = { readonly bytes: Buffer } & (
  | { readonly envelope: Envelope }
  /** It is answered with this, under the text of its id. */
  | { readonly refusal: Refusal; readonly id: string }
);

export function isArray(body: Buffer): boolean {
  return body[body.findIndex((byte) => !isSpace(byte))] === openBracket;
}

const openBracket = 0x5b;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The messages of the array; or why it is none that this session may send. */
export function readBatch(body: Buffer, { client }: ClientSession): readonly BatchMessage[] | Refusal {
  if (client.version !== version) return refusal(`An array of messages is of ${version} alone.`);
  const spans: Span[] = [];
  try {
    visitElements(body, { start: 0, end: body.length }, (span) => {
      if (spans.length === batchMessagesMax) throw new TooMany();
      spans.push(span);
    });
  } catch (error) {
    if (error instanceof TooMany) return refusal(`An array has at most ${batchMessagesMax} messages.`);
    if (error instanceof MemberRefusal) return { code: "mcp.parse-error" };
    throw error;
  }
  if (spans.length === 0) return refusal("The array is empty.");
  return spans.map((span) => {
    const bytes = body.subarray(span.start, span.end);
    const envelope = readEnvelope(bytes);
    if (envelope.kind === "refused") return { bytes, refusal: envelope, id: "null" };
    if (envelope.kind === "request" && envelope.method === "initialize")
      return { bytes, refusal: refusal("`initialize` is sent by itself."), id: envelope.id };
    return { bytes, envelope };
  });
}

class TooMany extends Error {}

function refusal(detail: string) {
  return { code: "mcp.invalid-request", detail } as const;
}
