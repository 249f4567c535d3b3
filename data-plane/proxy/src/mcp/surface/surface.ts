// What one endpoint shows: everything that the servers behind it list, under the names that clients know it by. It is made
// once for all principals, out of what is known at that moment, and asks nobody; what a principal sees of it is a filter over
// it. What two servers would show under one name is shown under none.

import { reachable, type Principal, type View } from "@tollgate/kernel/view";
import { ServerCatalogue, type Server } from "@tollgate/schema/resources";
import { isShown, listKinds, type Listed, type ListKind } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import { isReached } from "../reach.ts";
import { Edits } from "../../bytes/edits.ts";
import {
  exposedName,
  exposedPart,
  exposedServer,
  isAltered,
  prefixedUri,
  readPrefixedUri,
  separator,
} from "./names.ts";

export type Naming = "always" | "none";

export type Exposed = {
  readonly server: Server;
  readonly kind: ListKind;
  readonly listed: Listed;
  /** What clients call it. */
  readonly name: string;
  /** The server's bytes with that name in them. */
  readonly bytes: Uint8Array;
};

/** What a name stands for at a server, listed or not. */
export type Found = { readonly server: Server; readonly own: string; readonly exposed: Exposed | undefined };

export type Surface = {
  readonly servers: readonly Server[];
  all(kind: ListKind): readonly Exposed[];
  visible(kind: ListKind, view: View, principal: Principal): readonly Exposed[];
  /** A tool or prompt by the name that clients know. */
  named(kind: "tools" | "prompts", name: string): Found | undefined;
  /** A resource or template by the URI that clients know; only among what the principal reaches. */
  located(view: View, principal: Principal, uri: string): Found | undefined;
  /** How clients know what this server calls by a URI; undefined where none of its URIs is another's, too. */
  knownUris(server: Server): ((own: string) => string) | undefined;
};

export type Clash = (kind: ListKind, name: string, servers: readonly string[]) => void;

export function makeSurface(
  servers: readonly Server[],
  catalogues: Pick<Catalogues, "of">,
  naming: Naming,
  onClash: Clash,
): Surface {
  const kinds = Object.fromEntries(
    listKinds.map((kind) => [kind, exposedOf(kind, servers, catalogues, naming, onClash)]),
  ) as { [Kind in ListKind]: Map<string, Exposed> }; // One of each kind.
  const byPrefix = prefixes(servers);
  const prefixed = new Set<string>();
  for (const kind of ["resources", "templates"] as const)
    for (const { name, listed, server } of kinds[kind].values()) if (name !== listed.name) prefixed.add(server.id);
  const visibleTo = new WeakMap<Principal, Map<ListKind, readonly Exposed[]>>();

  return {
    servers,
    all: (kind) => [...kinds[kind].values()],
    visible(kind, view, principal) {
      const lists = visibleTo.get(principal) ?? new Map<ListKind, readonly Exposed[]>();
      visibleTo.set(principal, lists);
      const known = lists.get(kind);
      if (known !== undefined) return known;
      const visible = [...kinds[kind].values()].filter(({ server, listed }) =>
        isReached(view, principal, kind, server, listed.name),
      );
      lists.set(kind, visible);
      return visible;
    },
    named(kind, name) {
      const exposed = kinds[kind].get(name);
      if (exposed !== undefined) return { server: exposed.server, own: exposed.listed.name, exposed };
      // Not listed, or not yet: its server knows whether there is such a thing.
      const unlisted = naming === "none" ? onlyServer(servers, name) : byName(byPrefix, name);
      return unlisted !== undefined && kind === "tools" && isHidden(unlisted, catalogues) ? undefined : unlisted;
    },
    located(view, principal, uri) {
      // What is listed where the key does not reach must not stand before what it reaches: it could tell that it is there.
      const exposed = [kinds.resources.get(uri), kinds.templates.get(uri)].find(
        (found) => found !== undefined && isReached(view, principal, found.kind, found.server, found.listed.name),
      );
      if (exposed !== undefined) return { server: exposed.server, own: exposed.listed.name, exposed };
      const named = readPrefixedUri(uri);
      if (named !== undefined) {
        const server = servers.find(({ name }) => name === named.server);
        return server && { server, own: named.uri, exposed: undefined };
      }
      const server = likeliest(
        uri,
        servers,
        catalogues,
        ({ name }) => reachable(view, principal, "resource", name, uri) !== undefined,
      );
      return server && { server, own: uri, exposed: undefined };
    },
    knownUris(server) {
      if (!prefixed.has(server.id)) return undefined;
      return (own) => {
        const known = prefixedUri(server.name, own);
        if (kinds.resources.has(known)) return known;
        // A page of the web is the client's own to open; of other URIs nobody else could know whose they are.
        return kinds.resources.get(own)?.server.id === server.id || isWebPage(own) ? own : known;
      };
    },
  };
}

function exposedOf(
  kind: ListKind,
  servers: readonly Server[],
  catalogues: Pick<Catalogues, "of">,
  naming: Naming,
  onClash: Clash,
): Map<string, Exposed> {
  const isUri = kind === "resources" || kind === "templates";
  const plain = new Map<string, { server: Server; listed: Listed }[]>();
  for (const server of servers) {
    const catalogue = catalogues.of(server.id);
    if (catalogue === undefined || !isShown(catalogue)) continue;
    for (const listed of catalogue.lists[kind]) {
      const name = isUri
        ? listed.name
        : naming === "none"
          ? exposedPart(listed.name)
          : exposedName(server.name, listed.name);
      const same = plain.get(name);
      if (same === undefined) plain.set(name, [{ server, listed }]);
      else same.push({ server, listed });
    }
  }
  const exposed = new Map<string, Exposed>();
  for (const [name, candidates] of plain) {
    if (candidates.length > 1 && !isUri) {
      onClash(
        kind,
        name,
        candidates.map(({ server }) => server.name),
      );
      continue;
    }
    for (const { server, listed } of candidates) {
      const shown = candidates.length > 1 ? prefixedUri(server.name, listed.name) : name;
      exposed.set(shown, { server, kind, listed, name: shown, bytes: renamed(listed, shown) });
    }
  }
  return exposed;
}

/** Of a pinned server nothing is there but what was approved; and what was left out of a list is not to be called either. */
function isHidden({ server, own }: Found, catalogues: Pick<Catalogues, "of">): boolean {
  if (server.catalogue === ServerCatalogue.PINNED) return true;
  return catalogues.of(server.id)?.unfitTools.includes(own) ?? false;
}

function onlyServer(servers: readonly Server[], own: string): Found | undefined {
  const [only] = servers;
  return servers.length === 1 && only !== undefined ? { server: only, own, exposed: undefined } : undefined;
}

function byName(byPrefix: ReadonlyMap<string, Server>, name: string): Found | undefined {
  const end = name.indexOf(separator);
  const server = end < 0 ? undefined : byPrefix.get(name.slice(0, end));
  const own = name.slice(end + separator.length);
  return server === undefined || own === "" || isAltered(own) ? undefined : { server, own, exposed: undefined };
}

function renamed({ name, bytes, nameAt }: Listed, shown: string): Uint8Array {
  return shown === name ? bytes : new Edits().replace(nameAt, JSON.stringify(shown)).apply(bytes);
}

/** Two servers with one prefix (one of them named like the other's hash) are both left out rather than guessed between. */
function prefixes(servers: readonly Server[]): ReadonlyMap<string, Server> {
  const byPrefix = new Map<string, Server>();
  const clashing = new Set<string>();
  for (const server of servers) {
    const prefix = exposedServer(server.name);
    if (byPrefix.has(prefix)) clashing.add(prefix);
    byPrefix.set(prefix, server);
  }
  for (const prefix of clashing) byPrefix.delete(prefix);
  return byPrefix;
}

/**
 * The server that can be meant by a URI that nobody lists: the one whose template it fits, else the one that has resources of
 * its kind, else the only one that has any. Undefined where that is not one.
 */
function likeliest(
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
export function fitsTemplate(template: string, uri: string): boolean {
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

function isWebPage(uri: string): boolean {
  return ["http", "https"].includes(schemeOf(uri));
}

function schemeOf(uri: string): string {
  const end = uri.indexOf(":");
  return end < 0 ? "" : uri.slice(0, end).toLowerCase();
}
