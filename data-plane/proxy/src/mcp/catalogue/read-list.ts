// One page of a server's list: its items as the server sent them, and where the next page begins. What is no item (it has no
// name, or none that is a text) is left out; of two with one name the first stays. A list that a server does not serve has
// nothing in it: many declare resources and know no templates.

import { hash } from "node:crypto";
import { canonicalDefinition } from "@tollgate/kernel/tool-definition";
import { TollgateError } from "@tollgate/kernel/errors";
import { memberFinder, MemberRefusal, valueOf, visitElements, type Span } from "../../bytes/members.ts";
import { readError } from "../wire/message.ts";
import { listMethods, type Hints, type Listed, type ListKind } from "./catalogue.ts";

export type Page = { readonly items: readonly Listed[]; readonly next: string | undefined; readonly hints: Hints };

const finders = {
  tools: { page: memberFinder(["result>tools", "result>nextCursor"]), item: memberFinder(["name"]) },
  prompts: { page: memberFinder(["result>prompts", "result>nextCursor"]), item: memberFinder(["name"]) },
  resources: { page: memberFinder(["result>resources", "result>nextCursor"]), item: memberFinder(["uri"]) },
  templates: {
    page: memberFinder(["result>resourceTemplates", "result>nextCursor"]),
    item: memberFinder(["uriTemplate"]),
  },
};
const findHints = memberFinder(["result>ttlMs", "result>cacheScope"]);

export function readPage(kind: ListKind, answer: Buffer): Page {
  const { member, method } = listMethods[kind];
  try {
    const spans: Record<string, Span | undefined> = finders[kind].page(answer);
    const list = spans[`result>${member}`];
    if (list === undefined && readError(answer)?.code === methodNotFound)
      return { items: [], next: undefined, hints: { ttlMs: 0, isPublic: false } };
    if (list === undefined) throw new TollgateError("upstream.protocol", `Its ${method} holds no \`${member}\`.`);
    const items: Listed[] = [];
    visitElements(answer, list, (span) => {
      const item = readItem(kind, answer, span);
      if (item !== undefined) items.push(item);
    });
    const cursor = spans["result>nextCursor"] && valueOf(answer, spans["result>nextCursor"]);
    return { items, next: typeof cursor === "string" ? cursor : undefined, hints: readHints(answer) };
  } catch (error) {
    if (error instanceof MemberRefusal)
      throw new TollgateError("upstream.protocol", `Its ${method}: ${error.problem}.`);
    throw error;
  }
}

const methodNotFound = -32601;

function readItem(kind: ListKind, answer: Buffer, span: Span): Listed | undefined {
  const at = nameIn(kind, answer, span);
  const name = at && valueOf(answer, at);
  if (at === undefined || typeof name !== "string" || name === "") return undefined;
  // A buffer of its own: as a part of the page it would keep the whole page, and travel with all of it.
  const bytes = Buffer.allocUnsafeSlow(span.end - span.start);
  bytes.set(answer.subarray(span.start, span.end));
  const nameAt = { start: at.start - span.start, end: at.end - span.start };
  // Two texts that say the same have the same hash, as the control plane has it.
  const canonical = canonicalDefinition(Buffer.from(bytes.buffer).toString("utf8"));
  return { name, bytes, nameAt, sha256: hash("sha256", canonical ?? bytes) };
}

/** Undefined where it has none, has two, or is no object. */
function nameIn(kind: ListKind, answer: Buffer, span: Span): Span | undefined {
  try {
    const found: Record<string, Span | undefined> = finders[kind].item(answer, span);
    return found[listMethods[kind].name];
  } catch (error) {
    if (error instanceof MemberRefusal) return undefined;
    throw error;
  }
}

function readHints(answer: Buffer): Hints {
  const { "result>ttlMs": ttl, "result>cacheScope": scope } = findHints(answer);
  const ttlMs = ttl && valueOf(answer, ttl);
  return {
    ttlMs: typeof ttlMs === "number" && ttlMs > 0 ? ttlMs : 0,
    isPublic: scope !== undefined && valueOf(answer, scope) === "public",
  };
}
