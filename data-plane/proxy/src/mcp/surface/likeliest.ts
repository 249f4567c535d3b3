// Which server can be meant by a URI that nobody lists, by what servers list otherwise. Where that could be more than one it is
// none: a guess might read another server's resource under the name of this one.

import type { Server } from "@tollgate/schema/resources";
import type { Listed, ListKind } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";

/**
 * The server that can be meant by a URI that nobody lists: the one whose template it fits, else the one that has resources of
 * its kind, else the only one that has any. Undefined where that is not one.
 */
export function likeliest(
  uri: string,
  servers: readonly Server[],
  catalogues: Pick<Catalogues, "of">,
  isAllowed: (server: Server) => boolean,
): Server | undefined {
  const having = servers.filter((server) => {
    const catalogue = catalogues.of(server.id);
    return catalogue !== undefined && catalogue.capabilities.lists.includes("resources") && isAllowed(server);
  });
  const fits = (matches: (listed: Listed) => boolean, kinds: readonly ListKind[]): readonly Server[] =>
    having.filter((server) => kinds.some((kind) => catalogues.of(server.id)?.lists[kind].some(matches)));
  for (const candidates of [
    fits(({ name }) => fitsTemplate(name, uri), ["templates"]),
    fits(({ name }) => schemeOf(name) === schemeOf(uri), ["resources", "templates"]),
    having,
  ])
    if (candidates.length === 1) return candidates[0];
  return undefined;
}

/** By the literal parts of a template alone: an expression stands for anything. */
function fitsTemplate(template: string, uri: string): boolean {
  const [head = "", ...rest] = template.split(/\{[^{}]*\}/);
  const tail = rest.pop();
  if (tail === undefined) return template === uri;
  if (uri.length < head.length + tail.length || !uri.startsWith(head) || !uri.endsWith(tail)) return false;
  let from = head.length;
  for (const piece of rest) {
    const at = uri.indexOf(piece, from);
    if (at < 0 || at + piece.length > uri.length - tail.length) return false;
    from = at + piece.length;
  }
  return true;
}

export function isWebPage(uri: string): boolean {
  return ["http", "https"].includes(schemeOf(uri));
}

function schemeOf(uri: string): string {
  const end = uri.indexOf(":");
  return end < 0 ? "" : uri.slice(0, end).toLowerCase();
}
