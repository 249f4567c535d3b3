// One JSON-RPC message from a server, of either era: what it is, and where the parts stand that the gate reads or replaces.
// What a result holds is not looked at, but for the one member that says whether it is the end.

import { memberFinder, MemberRefusal, textOf, valueOf, type Span } from "../../bytes/members.ts";

export type ServerMessage = {
  readonly bytes: Buffer;
} & (
  | { readonly kind: "response"; readonly id: string; readonly at: ResponseSpans }
  | { readonly kind: "request"; readonly id: string; readonly method: string; readonly params: Span | undefined }
  | { readonly kind: "notification"; readonly method: string; readonly params: Span | undefined }
);

export type ServerResponse = Extract<ServerMessage, { kind: "response" }>;
export type ServerRequest = Extract<ServerMessage, { kind: "request" }>;
export type ServerNotification = Extract<ServerMessage, { kind: "notification" }>;

export type ResponseSpans = {
  readonly id: Span;
  readonly result: Span | undefined;
  readonly error: Span | undefined;
  readonly resultType: Span | undefined;
};

const find = memberFinder(["id", "method", "params", "result", "result>resultType", "error"]);

/** Undefined for what is no message: a server that sends it has said nothing. */
export function readServerMessage(bytes: Buffer): ServerMessage | undefined {
  try {
    const { id, method, params, result, error, "result>resultType": resultType } = find(bytes);
    if (method !== undefined) {
      const name = valueOf(bytes, method);
      if (typeof name !== "string") return undefined;
      if (id === undefined) return { kind: "notification", bytes, method: name, params };
      return { kind: "request", bytes, id: textOf(bytes, id.start, id.end), method: name, params };
    }
    if (id === undefined || (result === undefined) === (error === undefined)) return undefined;
    return {
      kind: "response",
      bytes,
      id: textOf(bytes, id.start, id.end),
      at: { id, result, error, resultType },
    };
  } catch (problem) {
    if (problem instanceof MemberRefusal) return undefined;
    throw problem;
  }
}

/** Whether a client shall be asked for something before the result comes. */
export function isInputRequired({ bytes, at }: ServerResponse): boolean {
  return at.resultType !== undefined && valueOf(bytes, at.resultType) === "input_required";
}

const findError = memberFinder(["error>code", "error>message", "error>data"]);

export type ServerError = { readonly code: number; readonly message: string; readonly data: Span | undefined };

export function readError(bytes: Uint8Array): ServerError | undefined {
  const { "error>code": code, "error>message": message, "error>data": data } = findError(bytes);
  const number = code && valueOf(bytes, code);
  const text = message && valueOf(bytes, message);
  return typeof number === "number" ? { code: number, message: typeof text === "string" ? text : "", data } : undefined;
}
