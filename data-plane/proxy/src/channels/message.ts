// A JSON-RPC message on its way between a caller and a server: its kind, its id, and where the few members stand that are
// exchanged on the way (ids, progress tokens, subscriptions). All other bytes stay as they came, but for line feeds between
// members, which a line cannot hold.

import { Edits } from "../bytes/edits.ts";
import { memberFinder, MemberRefusal, textOf, valueOf, type Span } from "../bytes/members.ts";
import type { Oversized } from "./channel.ts";

const members = {
  id: "id",
  method: "method",
  params: "params",
  result: "result",
  error: "error",
  /** Of a cancellation: which request. */
  requestId: "params>requestId",
  /** Of a progress notification. */
  progressToken: "params>progressToken",
  /** Of a request that asks for progress. */
  askedToken: "params>_meta>progressToken",
  version: "params>_meta>io.modelcontextprotocol/protocolVersion",
  subscription: "params>_meta>io.modelcontextprotocol/subscriptionId",
  closedSubscription: "result>_meta>io.modelcontextprotocol/subscriptionId",
} as const;

type Member = keyof typeof members;

const find = memberFinder(Object.values(members));

export type Message = {
  readonly bytes: Buffer;
  readonly kind: "request" | "notification" | "response";
  /** Empty for a response. */
  readonly method: string;
  /** As it stands in the message; empty where there is none. */
  readonly id: string;
  span(member: Member): Span | undefined;
};

const idBytesMax = 1_024;

/** Undefined for what is no such message, or not one that all readers would read alike. */
export function readMessage(received: Buffer): Message | undefined {
  const spans = spansOf(received);
  if (spans === undefined) return undefined;
  const bytes = inOneLine(received);
  const method = spans.method === undefined ? "" : valueOf(bytes, spans.method);
  if (typeof method !== "string") return undefined;
  const id = spans.id === undefined ? "" : textOf(bytes, spans.id.start, spans.id.end);
  if (id.length > idBytesMax || /^[[{tf]/.test(id)) return undefined;
  const kind = kindOf(method, id, spans.result !== undefined || spans.error !== undefined);
  return kind && { bytes, kind, method, id, span: (member) => spans[members[member]] };
}

function spansOf(bytes: Buffer): ReturnType<typeof find> | undefined {
  try {
    return find(bytes);
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
}

function kindOf(method: string, id: string, hasOutcome: boolean): Message["kind"] | undefined {
  if (method === "") return id !== "" && hasOutcome ? "response" : undefined;
  if (id === "null") return undefined;
  return id === "" ? "notification" : "request";
}

/** In JSON a line feed stands between members only; within texts it is escaped. */
function inOneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return bytes;
  return bytes.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)) as Buffer; // Of a Buffer it is one.
}

/** What stands at a member, if it is there and short. */
export function memberOf(message: Message, member: Member): unknown {
  const span = message.span(member);
  return span === undefined || span.end - span.start > idBytesMax ? undefined : valueOf(message.bytes, span);
}

/** What stands at a member as text in JSON. */
export function memberText(message: Message, member: Member): string | undefined {
  const span = message.span(member);
  return span && textOf(message.bytes, span.start, span.end);
}

/** The same for two texts of one id: whoever answers may write a name in another way than who asked. */
export function idKey(text: string): string {
  return text === "" ? text : JSON.stringify(JSON.parse(text));
}

/** The message with some members replaced by other texts in JSON. */
export function withMembers(message: Message, texts: Partial<Record<Member, string>>): Buffer {
  const changes = (Object.keys(texts) as Member[]) // Its own keys are all it has.
    .flatMap((member) => {
      const span = message.span(member);
      const text = texts[member];
      return span === undefined || text === undefined ? [] : [{ span, text }];
    })
    .toSorted((one, other) => other.span.start - one.span.start);
  const edits = new Edits();
  for (const { span, text } of changes) edits.replace(span, text);
  return edits.apply(message.bytes);
}

const idFirst = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,/;
const idLast = /,\s*"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;
const methodFirst = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:/;

/** Whose answer a message is that cannot be read: by its ends, where servers put the id. */
export function ownerOf({ head, tail }: Oversized): number | "not-an-answer" | undefined {
  if (methodFirst.test(head)) return "not-an-answer";
  const id = idFirst.exec(head)?.[1] ?? idLast.exec(tail)?.[1];
  return id === undefined ? undefined : Number(id);
}
