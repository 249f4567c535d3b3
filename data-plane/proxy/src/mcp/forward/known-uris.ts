// Where two servers have the same URI, clients know each by another: what such a server names in a result gets the URI by which
// the client can ask for it.

import { Edits, membersOf } from "../../bytes/edits.ts";
import { memberFinder, MemberRefusal, valueOf, visitElements, type Span } from "../../bytes/members.ts";

const find = memberFinder(["result>content", "result>contents", "result>messages"]);

/** A result whose blocks cannot be read goes on as it is. */
export function withKnownUris(message: Buffer, knownUri: (own: string) => string): Buffer {
  const edits = new Edits();

  function each(list: Span | undefined, visit: (element: Span) => void): void {
    if (list !== undefined && message[list.start] === openBracket) visitElements(message, list, visit);
  }

  function member(within: Span, name: string): Span | undefined {
    return message[within.start] === openBrace ? membersOf(message, within).get(name) : undefined;
  }

  function uriOf(block: Span): void {
    const at = member(block, "uri");
    const own = at && valueOf(message, at);
    if (at === undefined || typeof own !== "string") return;
    const known = knownUri(own);
    if (known !== own) edits.replace(at, JSON.stringify(known));
  }

  function content(block: Span): void {
    uriOf(block); // A link.
    const embedded = member(block, "resource");
    if (embedded !== undefined) uriOf(embedded);
  }

  try {
    const { "result>content": blocks, "result>contents": contents, "result>messages": messages } = find(message);
    each(blocks, content);
    each(contents, uriOf);
    each(messages, (said) => {
      const block = member(said, "content");
      if (block !== undefined) content(block);
    });
  } catch (error) {
    if (error instanceof MemberRefusal) return message;
    throw error;
  }
  return edits.isEmpty ? message : edits.apply(message);
}

const openBrace = 0x7b;
const openBracket = 0x5b;
