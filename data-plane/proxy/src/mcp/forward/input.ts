// What servers ask of clients in the middle of a call, and what clients answer, between the two eras: a legacy server sends
// requests, a modern one a set of them in its result. A key of the set is what the server calls the request: the text that a
// legacy server chose as its id, or else what it asks for and a number.

import { TollgateError } from "@tollgate/kernel/errors";
import { membersOf, textIn } from "../../bytes/edits.ts";
import { memberFinder, MemberRefusal, valueOf, type Span } from "../../bytes/members.ts";
import type { ServerRequest, ServerResponse } from "../wire/message.ts";

export type Asked = { readonly method: string; /** JSON. */ readonly params: string };

const findInput = memberFinder(["result>inputRequests", "result>requestState"]);
const findAsked = memberFinder(["method", "params"]);

export type InputRequired = {
  readonly requests: ReadonlyMap<string, Asked>;
  /** JSON, as it came. */
  readonly requestState: string | undefined;
};

export function readInputRequired({ bytes }: ServerResponse): InputRequired {
  try {
    const { "result>inputRequests": requests, "result>requestState": state } = findInput(bytes);
    const asked = new Map<string, Asked>();
    if (requests !== undefined)
      for (const [key, span] of membersOf(bytes, requests)) asked.set(key, readAsked(bytes, span));
    return { requests: asked, requestState: state && textIn(bytes, state) };
  } catch (error) {
    if (error instanceof MemberRefusal) throw new TollgateError("upstream.protocol", `What it asks: ${error.problem}.`);
    throw error;
  }
}

function readAsked(bytes: Buffer, span: Span): Asked {
  const { method, params } = findAsked(bytes, span);
  const name = method && valueOf(bytes, method);
  if (typeof name !== "string") throw new TollgateError("upstream.protocol", "What it asks has no `method`.");
  return { method: name, params: params === undefined ? "{}" : textIn(bytes, params) };
}

export function paramsOf({ bytes, params }: ServerRequest): string {
  return params === undefined ? "{}" : textIn(bytes, params);
}

const shortNames: { readonly [method: string]: string } = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

/** A key that is not among `taken`. */
export function keyOf({ id, method }: ServerRequest, taken: ReadonlyMap<string, unknown>): string {
  const own: unknown = JSON.parse(id);
  const isName = typeof own === "string" && /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/.test(own);
  if (isName && !taken.has(own)) return own;
  const short = shortNames[method] ?? "input";
  for (let n = 1; ; n++) if (!taken.has(`${short}-${n}`)) return `${short}-${n}`;
}

const nothingGiven: ReadonlyMap<string, string> = new Map();

/** The answers that a modern client brings, JSON by key. Undefined where they are no set of objects. */
export function inputResponses(body: Buffer, span: Span | undefined): ReadonlyMap<string, string> | undefined {
  if (span === undefined) return nothingGiven;
  if (body[span.start] !== openBrace) return undefined;
  const responses = new Map<string, string>();
  for (const [key, value] of membersOf(body, span)) {
    if (body[value.start] !== openBrace) return undefined;
    responses.set(key, textIn(body, value));
  }
  return responses;
}

const openBrace = 0x7b;
const findAnswer = memberFinder(["result", "error"]);

/** What a legacy client answered to a question; undefined where it is an error. */
export function answerOf(bytes: Buffer): string | undefined {
  const { result } = findAnswer(bytes);
  return result && textIn(bytes, result);
}

/** The member of an answer that is an error, with what the client wrote. */
export function errorPart(answer: string): string {
  const { error }: { error?: unknown } = Object(JSON.parse(answer));
  return `"error":${JSON.stringify(error ?? { code: -32603, message: "The client gave no answer." })}`;
}
