// Finds, in an event stream that a server sent, the message that answers a request of the gate. For the gate's own
// exchanges only: what belongs to a client is relayed unread.

import { memberFinder, MemberRefusal, textOf } from "./members.ts";

const find = memberFinder(["id", "result", "error"]);

/** The JSON-RPC message that answers `id` (as text in JSON); undefined where there is none (yet). */
export function answerIn(contentType: string, body: Buffer, id: string): Buffer | undefined {
  if (!contentType.startsWith("text/event-stream")) return isAnswer(body, id) ? body : undefined;
  for (const event of body.toString("utf8").split(/\r\n\r\n|\n\n|\r\r/)) {
    const data = event
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5));
    const message = Buffer.from(data.join("\n"));
    if (message.length > 0 && isAnswer(message, id)) return message;
  }
  return undefined;
}

export function isAnswer(message: Buffer, id: string): boolean {
  try {
    const spans = find(message);
    const isOfId = spans.id !== undefined && textOf(message, spans.id.start, spans.id.end) === id;
    return isOfId && (spans.result !== undefined || spans.error !== undefined);
  } catch (error) {
    if (error instanceof MemberRefusal) return false;
    throw error;
  }
}
