// What a request asks for, once its era has checked it: a list, something of one server's, or something of the gate's own. One
// place for both eras decides where it goes; each era says how an answer of its own looks.

import type { Principal, View } from "@tollgate/kernel/view";
import type { Step } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import { listKinds, listMethods, type ListKind } from "./catalogue/catalogue.ts";
import { resultMessage } from "./answers.ts";
import { listResult, type ListParts } from "./downstream/lists.ts";
import { describe, type Errand, type McpRequest } from "./forward/errand.ts";
import type { Found, Surface } from "./surface/surface.ts";
import { textValue, type Span } from "../bytes/members.ts";

export type Entered<C extends McpRequest = McpRequest> = {
  readonly call: C;
  readonly view: View;
  readonly principal: Principal;
  readonly surface: Surface;
};

export type Addressed = {
  readonly call: Errand;
  readonly view: View;
  readonly principal: Principal;
  readonly target: { readonly kind: ListKind; readonly server: string; readonly tool: string };
};

export type MethodParts = ListParts & {
  readonly accounts: Accounts;
  /** Authorise, intend, forward. */
  readonly send: Step<Addressed>;
};

const kindByMethod = new Map<string, ListKind>(listKinds.map((kind) => [listMethods[kind].method, kind]));

/** False for a method that is neither a list nor one server's. */
export function serveMethod(parts: MethodParts, entered: Entered): boolean {
  const { method } = entered.call.envelope;
  const kind = kindByMethod.get(method);
  if (kind !== undefined) {
    answerList(parts, entered, kind);
    return true;
  }
  switch (method) {
    case "tools/call":
      return toNamed(parts, entered, "tools", entered.call.envelope.at["params>name"]);
    case "prompts/get":
      return toNamed(parts, entered, "prompts", entered.call.envelope.at["params>name"]);
    case "resources/read":
      return toUri(parts, entered, entered.call.envelope.at["params>uri"]);
    case "completion/complete":
      return toCompletion(parts, entered);
    default:
      return false;
  }
}

function answerList(parts: MethodParts, { call, view, principal, surface }: Entered, kind: ListKind): void {
  const span = call.envelope.at["params>cursor"];
  const cursor = textValue(call.body, span);
  const isWrong = span !== undefined && cursor === undefined;
  const result = isWrong
    ? undefined
    : listResult(parts, { kind, view, principal, surface, era: call.client.era, cursor });
  if (result === undefined) return parts.accounts.refuse(call, { code: "mcp.cursor-invalid" }, { principal });
  call.answering.finish(resultMessage(call.envelope.id, result));
}

function toNamed(parts: MethodParts, entered: Entered, kind: "tools" | "prompts", at: Span | undefined): true {
  const { call, surface, view, principal } = entered;
  const name = textValue(call.body, at);
  if (at === undefined || name === undefined) return invalid(parts, entered, "`params.name` is not a text.");
  return address(parts, entered, kind, at, name, surface.named(kind, view, principal, name));
}

function toUri(parts: MethodParts, entered: Entered, at: Span | undefined): true {
  const { call, surface, view, principal } = entered;
  const uri = textValue(call.body, at);
  if (at === undefined || uri === undefined) return invalid(parts, entered, "`params.uri` is not a text.");
  return address(parts, entered, "resources", at, uri, surface.located(view, principal, uri));
}

function toCompletion(parts: MethodParts, entered: Entered): true {
  const { at } = entered.call.envelope;
  const type = textValue(entered.call.body, at["params>ref>type"]);
  if (type === "ref/prompt") return toNamed(parts, entered, "prompts", at["params>ref>name"]);
  if (type === "ref/resource") return toUri(parts, entered, at["params>ref>uri"]);
  return invalid(parts, entered, "`params.ref.type` is neither ref/prompt nor ref/resource.");
}

function invalid({ accounts }: MethodParts, { call, principal }: Entered, detail: string): true {
  accounts.refuse(call, { code: "mcp.params-invalid", detail }, { principal });
  return true;
}

export const unknownCodes = {
  tools: "mcp.tool-unknown",
  prompts: "mcp.prompt-unknown",
  resources: "mcp.resource-unknown",
  templates: "mcp.resource-unknown",
} as const satisfies Record<ListKind, string>;

function address(
  parts: MethodParts,
  { call, view, principal, surface }: Entered,
  kind: ListKind,
  at: Span,
  sent: string,
  found: Found | undefined,
): true {
  if (found === undefined) {
    parts.accounts.refuse(call, { code: unknownCodes[kind] }, { principal, tool: sent });
    return true;
  }
  const { server, own, exposed } = found;
  const errand: Errand = { ...call, surface, kind, name: { at, own }, exposed, description: describe(call) };
  parts.send({ call: errand, view, principal, target: { kind, server: server.name, tool: own } });
  return true;
}
