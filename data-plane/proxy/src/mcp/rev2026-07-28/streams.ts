// `subscriptions/listen`: one open stream a request, on which the client hears what it asked for and nothing else. What is
// served of it is said first. The stream ends with its client, with its key, or with the proxy, which says so.

import type { Server } from "@tollgate/schema/resources";
import { changeMethods, type Announcements } from "../downstream/announcements.ts";
import type { Subscribing, Subscriptions } from "../downstream/subscriptions.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { ListKind } from "../catalogue/catalogue.ts";
import type { Entered } from "../methods.ts";
import { isReached } from "../reach.ts";
import { Edits, membersOf, rebuilt, textIn } from "../../bytes/edits.ts";
import { memberFinder, visitElements, valueOf } from "../../bytes/members.ts";
import type { ServerNotification } from "../wire/message.ts";
import type { Credential } from "../../http/credentials.ts";

export type ListenParts = {
  readonly announcements: Announcements;
  readonly subscriptions: Subscriptions;
  readonly catalogues: Catalogues;
};

export type ListenAsked = {
  readonly entered: Entered;
  readonly credential: Credential;
  readonly group: string | undefined;
};

/** URIs in one subscription. */
const urisMax = 500;

const flags: readonly (readonly [member: string, kinds: readonly ListKind[]])[] = [
  ["toolsListChanged", ["tools"]],
  ["promptsListChanged", ["prompts"]],
  ["resourcesListChanged", ["resources", "templates"]],
];

type Wish = {
  readonly members: readonly string[];
  readonly kinds: readonly ListKind[];
  readonly uris: readonly string[];
};

/** Undefined where the filter is none. */
export function readWish({ call: { body, envelope } }: Entered): Wish | undefined {
  const span = envelope.at["params>notifications"];
  if (span === undefined || body[span.start] !== 0x7b) return undefined;
  const members = membersOf(body, span);
  const wanted = flags.filter(([member]) => {
    const value = members.get(member);
    return value !== undefined && textIn(body, value) === "true";
  });
  const list = members.get("resourceSubscriptions");
  const uris = new Set<string>();
  if (list !== undefined && body[list.start] === 0x5b)
    visitElements(body, list, (element) => {
      const uri = valueOf(body, element);
      if (typeof uri === "string" && uris.size < urisMax) uris.add(uri);
    });
  return { members: wanted.map(([member]) => member), kinds: wanted.flatMap(([, kinds]) => kinds), uris: [...uris] };
}

/** What is returned ends the stream, with a word to the client. */
export function openListen(
  parts: ListenParts,
  { entered, credential, group }: ListenAsked,
  wish: Wish,
  onEnded: () => void,
): () => void {
  const { call } = entered;
  const { id } = call.envelope;
  const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}`;
  const stream = call.answering.open();
  const ends: (() => void)[] = [];
  let isOver = false;

  function over(): void {
    if (isOver) return;
    isOver = true;
    for (const end of ends) end();
    onEnded();
  }

  function close(): void {
    if (isOver) return;
    stream.end(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete",${meta}}}`));
    over();
  }

  const mayHear: MayHear = (server, about) => {
    const now = parts.announcements.reachOf({ credential, group });
    return now !== undefined && isReached(now.view, now.principal, "resources", server, about);
  };
  const say: Say = { mayHear, send: (message) => stream.send(message) };
  const heard = wish.uris.filter((uri) => subscribe(parts, entered, uri, say, ends));
  const told = wish.members.map((member) => `"${member}":true`);
  if (heard.length > 0) told.push(`"resourceSubscriptions":${JSON.stringify(heard)}`);
  stream.send(
    Buffer.from(
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{${meta},"notifications":{${told.join(",")}}}}`,
    ),
  );
  ends.push(
    parts.announcements.attend({
      credential,
      group,
      kinds: wish.kinds,
      told: { lists: undefined },
      tell(kinds) {
        for (const method of new Set(kinds.map((kind) => changeMethods[kind])))
          stream.send(Buffer.from(`{"jsonrpc":"2.0","method":"${method}","params":{${meta}}}`));
      },
      close,
    }),
  );
  call.answering.response.once("close", over);
  return close;
}

type MayHear = (server: Server, about: string) => boolean;
type Say = { readonly mayHear: MayHear; send(message: Buffer): void };

/** False where nobody can tell of it. */
function subscribe(
  { catalogues, subscriptions }: ListenParts,
  { call, view, principal, surface }: Entered,
  uri: string,
  say: Say,
  ends: (() => void)[],
): boolean {
  const found = surface.located(view, principal, uri);
  if (found === undefined || !isReached(view, principal, "resources", found.server, found.own)) return false;
  const catalogue = catalogues.of(found.server.id);
  if (catalogue?.era === undefined || !catalogue.capabilities.canSubscribe) return false;
  // A part of what was subscribed to may be what the key does not reach, and so may all of it by now.
  const heard: Subscribing["heard"] = (server, about, notification) => {
    if (say.mayHear(server, about)) say.send(asHeard(notification, call.envelope.id, found.own, uri));
  };
  const who = { client: call.client, session: undefined, keyId: principal.key.id };
  let end: (() => void) | undefined;
  let isEnded = false;
  subscriptions.begin({ server: found.server, own: found.own, who, heard }).then(
    (ready) => {
      if (typeof ready !== "function") return;
      if (isEnded) ready();
      else end = ready;
    },
    () => undefined, // It is asked again when the client listens again.
  );
  ends.push(() => {
    isEnded = true;
    end?.();
  });
  return true;
}

const find = memberFinder(["params", "params>uri", "params>_meta"]);

/** The server's words with this subscription's id, and the URI that the client knows. */
function asHeard({ bytes }: ServerNotification, id: string, own: string, known: string): Buffer {
  const { params, "params>uri": uri, "params>_meta": meta } = find(bytes);
  const subscription = `{"io.modelcontextprotocol/subscriptionId":${id}}`;
  const edits = new Edits();
  if (uri !== undefined && own !== known) edits.replace(uri, JSON.stringify(known));
  if (meta !== undefined)
    edits.replace(
      meta,
      rebuilt(bytes, meta, {
        keeps: (key) => key !== "io.modelcontextprotocol/subscriptionId",
        adds: [["io.modelcontextprotocol/subscriptionId", id]],
      }),
    );
  else if (params !== undefined) edits.insert(params.start + 1, `"_meta":${subscription},`);
  return edits.apply(bytes);
}
