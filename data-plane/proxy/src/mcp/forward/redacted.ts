// What a server says in a call, without what policies take out of it: its result or error, its notifications on the way, and
// its questions. All texts are looked through but for those that are no language: what names things of the protocol, and
// bytes in base64, in which no expression would find anything. The rest keeps its bytes.

import { limits } from "@tollgate/kernel/limits";
import type { Redaction } from "@tollgate/kernel/policy/answer";
import { changedTexts } from "../../bytes/texts.ts";
import { withoutAll } from "../policies.ts";
import { readServerMessage, type ServerMessage } from "../wire/message.ts";

type Mode = "message" | "said" | "structured";

const said: ReadonlySet<string> = new Set(["result", "error", "params"]);
/** Of the protocol itself; in structured content they are anything. */
const named: ReadonlySet<string> = new Set([
  ...["type", "mimeType", "role", "method", "resultType", "requestState", "level", "progressToken", "data", "blob"],
]);

function within(mode: Mode, member: string): Mode | undefined {
  if (mode === "structured") return mode;
  if (mode === "message") return said.has(member) ? "said" : undefined;
  if (member === "structuredContent") return "structured";
  return named.has(member) ? undefined : mode;
}

/** Undefined where it is too large to be looked through. */
export function redactedMessage<Message extends ServerMessage>(
  redactions: readonly Redaction[] | undefined,
  message: Message,
): Message | undefined {
  if (redactions === undefined || redactions.length === 0) return message;
  const { bytes } = message;
  if (bytes.length > limits.policyRedactedBytesMax) return undefined;
  const span = { start: 0, end: bytes.length };
  const change = (text: string): string | undefined => withoutAll(redactions, text);
  // What a log message says is data of any form.
  const isLog = message.kind === "notification" && message.method === "notifications/message";
  const rule = (mode: Mode, member: string) => (isLog && member === "data" ? "structured" : within(mode, member));
  const isError = message.kind === "response" && message.at.error !== undefined;
  const errorRule = (mode: Mode, member: string) =>
    mode === "message" && member === "error" ? "structured" : undefined;
  const changed = changedTexts<Mode>(bytes, span, {
    start: "message",
    within: isError ? anyOf(errorRule) : rule,
    change,
  });
  return changed === undefined ? message : again(message, changed);
}

/** Below `error` everything is text. */
function anyOf(top: (mode: Mode, member: string) => Mode | undefined) {
  return (mode: Mode, member: string): Mode | undefined => (mode === "structured" ? mode : top(mode, member));
}

function again<Message extends ServerMessage>(message: Message, bytes: Buffer): Message {
  const read = readServerMessage(bytes);
  if (read?.kind !== message.kind) throw new Error("a message became another one without some of its text");
  // Of the same kind, it is of the same type.
  return read as Message;
}
