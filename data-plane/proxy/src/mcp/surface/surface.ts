// What one endpoint shows: everything that the servers behind it list, under the names that clients know it by. It is made out
// of what is known at that moment and asks nobody; all principals share it, and what each sees of it is a filter over it. Names
// depend on what the principal reaches alone: what is hidden takes no name away, and changes none. What two servers that it
// reaches would show under one name is shown under none, or, where it has a URI, with the server's name before it.

import { reachable, reachesServer, type Principal, type View } from "@tollgate/kernel/view";
import { ServerCatalogue, type Server } from "@tollgate/schema/resources";
import { isShown, type Listed, type ListKind } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import { isReached } from "../reach.ts";
import { Edits } from "../../bytes/edits.ts";
import { isWebPage, likeliest } from "./likeliest.ts";
import {
  exposedName,
  exposedPart,
  exposedServer,
  isAltered,
  prefixedUri,
  readPrefixedUri,
  separator,
} from "./names.ts";

/** `auto`: with the server's name before each, for who reaches more than one server. */
export type Naming = "always" | "none" | "auto";
type OwnNaming = Exclude<Naming, "auto">;

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
  visible(kind: ListKind, view: View, principal: Principal): readonly Exposed[];
  /** A tool or prompt by the name that clients know. What is hidden may be found as well, and is not exposed then. */
  named(kind: "tools" | "prompts", view: View, principal: Principal, name: string): Found | undefined;
  /** A resource or template by the URI that clients know. */
  located(view: View, principal: Principal, uri: string): Found | undefined;
  /** How clients know what this server calls by a URI; undefined where none of its URIs is another's, too. */
  knownUris(view: View, principal: Principal, server: Server): ((own: string) => string) | undefined;
};

export type Clash = (kind: ListKind, name: string, servers: readonly string[]) => void;

/** All that is listed, as it is called where nothing else has that name. */
type Candidates = { readonly all: readonly Exposed[]; readonly byName: ReadonlyMap<string, readonly Exposed[]> };

/** What is found out of a principal once. */
type Sight = {
  readonly servers: readonly Server[];
  readonly byPrefix: ReadonlyMap<string, Server>;
  readonly naming: OwnNaming;
  readonly lists: Map<ListKind, readonly Exposed[]>;
  /** Whether a URI of a server is another's as well, by the server's id. */
  readonly shares: Map<string, boolean>;
};

export function makeSurface(
  servers: readonly Server[],
  catalogues: Pick<Catalogues, "of">,
  wanted: Naming,
  onClash: Clash,
): Surface {
  const made = { always: new Map<ListKind, Candidates>(), none: new Map<ListKind, Candidates>() };
  const sights = new WeakMap<Principal, Sight>();
  const alike = shareAlike();
  const everyPrefix = prefixes(servers);

  function candidates(kind: ListKind, naming: OwnNaming): Candidates {
    const ofNaming = made[isUri(kind) ? "none" : naming];
    const known = ofNaming.get(kind);
    if (known !== undefined) return known;
    const of = candidatesOf(kind, servers, catalogues, naming);
    ofNaming.set(kind, of);
    return of;
  }

  function sightOf(view: View, principal: Principal): Sight {
    const known = sights.get(principal);
    if (known !== undefined) return known;
    const reached = servers.filter(({ name }) => reachesServer(view, principal, name));
    const naming = wanted === "auto" ? (reached.length > 1 ? "always" : "none") : wanted;
    const sight: Sight = {
      ...{ servers: reached, byPrefix: prefixes(reached), naming },
      ...{ lists: new Map(), shares: new Map() },
    };
    sights.set(principal, sight);
    return sight;
  }

  function reachedAt(kind: ListKind, view: View, principal: Principal, name: string): readonly Exposed[] {
    const all = candidates(kind, sightOf(view, principal).naming).byName.get(name) ?? [];
    return all.filter(({ server, listed }) => isReached(view, principal, kind, server, listed.name));
  }

  return {
    servers,
    visible(kind, view, principal) {
      const { lists, naming } = sightOf(view, principal);
      const known = lists.get(kind);
      if (known !== undefined) return known;
      const reached = candidates(kind, naming).all.filter(({ server, listed }) =>
        isReached(view, principal, kind, server, listed.name),
      );
      const visible = alike(kind, apart(kind, reached, onClash));
      lists.set(kind, visible);
      return visible;
    },
    named(kind, view, principal, name) {
      const [one, ...others] = reachedAt(kind, view, principal, name);
      if (one !== undefined) return others.length > 0 ? undefined : foundAs(one);
      // Not listed, or not yet: its server knows whether there is such a thing.
      const sight = sightOf(view, principal);
      const unlisted =
        sight.naming === "none"
          ? onlyServer(sight.servers, name)
          : (byName(sight.byPrefix, name) ?? byName(everyPrefix, name));
      return unlisted !== undefined && kind === "tools" && isHidden(unlisted, catalogues) ? undefined : unlisted;
    },
    located(view, principal, uri) {
      for (const kind of uriKinds) {
        const [one, ...others] = reachedAt(kind, view, principal, uri);
        if (one !== undefined && others.length === 0) return foundAs(one);
      }
      const named = readPrefixedUri(uri);
      if (named !== undefined) {
        const server = servers.find(({ name }) => name === named.server);
        return server && { server, own: named.uri, exposed: undefined };
      }
      const server = likeliest(
        uri,
        sightOf(view, principal).servers,
        catalogues,
        ({ name }) => reachable(view, principal, "resource", name, uri) !== undefined,
      );
      return server && { server, own: uri, exposed: undefined };
    },
    knownUris(view, principal, server) {
      const { shares, naming } = sightOf(view, principal);
      const isOf = (one: Exposed): boolean => one.server.id === server.id;
      const isShared = (of: readonly Exposed[]): boolean => of.length > 1 && of.some(isOf);
      const sharesAny =
        shares.get(server.id) ??
        uriKinds.some((kind) =>
          sharedNames(candidates(kind, naming), server).some((uri) => isShared(reachedAt(kind, view, principal, uri))),
        );
      shares.set(server.id, sharesAny);
      if (!sharesAny) return undefined;
      return (uri) => {
        const reached = reachedAt("resources", view, principal, uri);
        const isAlone = reached.length === 1 && reached.every(isOf);
        // A page of the web is the client's own to open; of other URIs nobody else could know whose they are.
        return isAlone || (isWebPage(uri) && !isShared(reached)) ? uri : prefixedUri(server.name, uri);
      };
    },
  };
}

const uriKinds = ["resources", "templates"] as const;

function isUri(kind: ListKind): boolean {
  return kind === "resources" || kind === "templates";
}

function foundAs(exposed: Exposed): Found {
  return { server: exposed.server, own: exposed.listed.name, exposed };
}

function candidatesOf(
  kind: ListKind,
  servers: readonly Server[],
  catalogues: Pick<Catalogues, "of">,
  naming: OwnNaming,
): Candidates {
  const all = servers.flatMap((server) => {
    const catalogue = catalogues.of(server.id);
    if (catalogue === undefined || !isShown(catalogue)) return [];
    return catalogue.lists[kind].map((listed) => {
      const plain = naming === "none" ? exposedPart(listed.name) : exposedName(server.name, listed.name);
      return exposedAs({ server, kind, listed }, isUri(kind) ? listed.name : plain);
    });
  });
  return { all, byName: Map.groupBy(all, ({ name }) => name) };
}

function exposedAs({ server, kind, listed }: Omit<Exposed, "name" | "bytes">, name: string): Exposed {
  const { bytes, nameAt } = listed;
  const isOwn = name === listed.name;
  const renamed = isOwn ? bytes : new Edits().replace(nameAt, JSON.stringify(name)).apply(bytes);
  return { server, kind, listed, name, bytes: renamed };
}

/** What is called alike by several servers: of URIs each for itself, and of names none. */
function apart(kind: ListKind, reached: readonly Exposed[], onClash: Clash): readonly Exposed[] {
  const byName = Map.groupBy(reached, ({ name }) => name);
  if (byName.size === reached.length) return reached;
  return reached.flatMap((one) => {
    const alike = byName.get(one.name) ?? [];
    if (alike.length === 1) return one;
    if (isUri(kind)) return withPrefix(one);
    onClash(
      kind,
      one.name,
      alike.map(({ server }) => server.name),
    );
    return [];
  });
}

const prefixed = new WeakMap<Exposed, Exposed>();

function withPrefix(one: Exposed): Exposed {
  const known = prefixed.get(one);
  if (known !== undefined) return known;
  const told = exposedAs(one, prefixedUri(one.server.name, one.listed.name));
  prefixed.set(one, told);
  return told;
}

const shared = new WeakMap<Candidates, ReadonlyMap<string, readonly string[]>>();

/** What some other server of the endpoint lists under the same URI, whoever reaches that. */
function sharedNames(candidates: Candidates, { id }: Server): readonly string[] {
  let byServer = shared.get(candidates);
  if (byServer === undefined) {
    const alike = candidates.all.filter(({ name }) => (candidates.byName.get(name)?.length ?? 0) > 1);
    const grouped = Map.groupBy(alike, ({ server }) => server.id);
    byServer = new Map([...grouped].map(([server, of]) => [server, of.map(({ name }) => name)]));
    shared.set(candidates, byServer);
  }
  return byServer.get(id) ?? [];
}

/** Of lists with the same in them there is one: thousands of keys see the same few, and what is printed of one is for all. */
function shareAlike(): (kind: ListKind, list: readonly Exposed[]) => readonly Exposed[] {
  const numbers = new WeakMap<Exposed, number>();
  const lists = new Map<string, readonly Exposed[]>();
  let last = 0;
  const numberOf = (one: Exposed): number => {
    const number = numbers.get(one) ?? ++last;
    numbers.set(one, number);
    return number;
  };
  return (kind, list) => {
    const content = `${kind} ${list.map(numberOf).join(" ")}`;
    const known = lists.get(content);
    if (known !== undefined) return known;
    if (lists.size >= sharedListsMax) lists.clear();
    lists.set(content, list);
    return list;
  };
}

const sharedListsMax = 256;

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

/** Two servers with one prefix (one of them named like the other's hash) are both left out rather than guessed between. */
function prefixes(servers: readonly Server[]): ReadonlyMap<string, Server> {
  const byPrefix = Map.groupBy(servers, ({ name }) => exposedServer(name));
  return new Map(
    [...byPrefix].flatMap(([prefix, [server, ...others]]) =>
      server === undefined || others.length > 0 ? [] : [[prefix, server] as const],
    ),
  );
}
