// A client's request as the server shall get it: the same bytes with the ids, tokens and names of this hop. Where the two are
// of different eras, what belongs to the client's era goes and what the server's wants comes; everything else of the request
// stays as it was sent.

import type { Client, LogLevel } from "../client.ts";
import type { Era } from "../catalogue/catalogue.ts";
import { modernVersion } from "../upstream/modern-call.ts";
import { Edits, isEmptyObject, rebuilt, textIn, type Piece } from "../../bytes/edits.ts";
import type { EnvelopeSpans, RequestEnvelope } from "../wire/envelope.ts";
import { valueOf, type Span } from "../../bytes/members.ts";

export type Outgoing = {
  readonly body: Buffer;
  readonly envelope: RequestEnvelope;
  readonly client: Client;
  /** What the request addresses: where its name stands, and what the server calls it. */
  readonly name: { readonly at: Span; readonly own: string } | undefined;
  /** What a legacy client wants to hear of a modern server. */
  readonly level: LogLevel | undefined;
  /** What a retry brings to a modern server: JSON texts. */
  readonly retry?: { readonly inputResponses: string | undefined; readonly requestState: string | undefined };
};

const metaPrefix = "io.modelcontextprotocol/";
const hopNames = ["protocolVersion", "clientInfo", "clientCapabilities", "logLevel"] as const;
const hopKeys: ReadonlySet<string> = new Set(hopNames.map((name) => metaPrefix + name));
const tokenKey = "progressToken";
const tokenPath = `params>_meta>${tokenKey}` as const;
/** All that is of this hop, and how long its names are. */
const ofHop = [
  { path: tokenPath, nameBytes: tokenKey.length },
  ...hopNames.map((name) => {
    return { path: `params>_meta>${metaPrefix}${name}` as const, nameBytes: metaPrefix.length + name.length };
  }),
];
const retryMembers: ReadonlySet<string> = new Set(["inputResponses", "requestState"]);

export function outgoingBody(outgoing: Outgoing, to: Era, id: number): Buffer {
  const { body, envelope } = outgoing;
  const edits = new Edits();
  if (envelope.at.id !== undefined) edits.replace(envelope.at.id, String(id));
  if (outgoing.client.era === to) sameEra(outgoing, edits, id);
  else if (envelope.at.params !== undefined) otherEra(outgoing, envelope.at.params, edits, to, id);
  return edits.apply(body);
}

function sameEra({ body, envelope, client, name }: Outgoing, edits: Edits, id: number): void {
  const { at } = envelope;
  if (name !== undefined) replaceName(body, edits, name);
  const token = at[tokenPath];
  if (token !== undefined) edits.replace(token, String(id));
  const declared = at["params>_meta>io.modelcontextprotocol/clientCapabilities"];
  if (declared !== undefined && client.era === "modern" && textIn(body, declared).includes("tasks"))
    edits.replace(declared, client.capabilities.text);
}

/** Left alone where the server's name is what was sent: it may be written in any way. */
function replaceName(body: Buffer, edits: Edits, { at, own }: { at: Span; own: string }): void {
  if (valueOf(body, at) !== own) edits.replace(at, JSON.stringify(own));
}

function otherEra(outgoing: Outgoing, params: Span, edits: Edits, to: Era, id: number): void {
  const { body, envelope, name, retry } = outgoing;
  const { at } = envelope;
  const isRetry = retry !== undefined || at["params>inputResponses"] !== undefined;
  // Members that go, or come, want the object made anew; all else of it is left where it is.
  if (isRetry || at["params>requestState"] !== undefined)
    return void edits.replace(params, remade(outgoing, params, to, id));
  const meta = at["params>_meta"];
  if (meta !== undefined) edits.replace(meta, metaFor(outgoing, to, id));
  else if (to === "modern") insertMeta(body, edits, params, metaFor(outgoing, to, id));
  if (name !== undefined) replaceName(body, edits, name);
}

function insertMeta(body: Buffer, edits: Edits, params: Span, meta: Piece): void {
  const inside = params.start + 1;
  edits.insert(inside, '"_meta":').insert(inside, meta);
  if (!isEmptyObject(body, params)) edits.insert(inside, ",");
}

function remade(outgoing: Outgoing, params: Span, to: Era, id: number): Buffer {
  const { body, envelope, name, retry } = outgoing;
  const { at } = envelope;
  const replaces = new Map<string, Piece>();
  const meta = metaFor(outgoing, to, id);
  const adds: (readonly [string, Piece])[] = [];
  if (at["params>_meta"] !== undefined) replaces.set("_meta", meta);
  else if (to === "modern") adds.push(["_meta", meta]);
  if (name !== undefined) setName(outgoing, name, replaces);
  if (retry?.inputResponses !== undefined) adds.push(["inputResponses", retry.inputResponses]);
  if (retry?.requestState !== undefined) adds.push(["requestState", retry.requestState]);
  return rebuilt(body, params, { keeps: (member) => !retryMembers.has(member), replaces, adds });
}

function setName(
  { body, envelope: { at } }: Outgoing,
  name: { at: Span; own: string },
  replaces: Map<string, Piece>,
): void {
  const own = JSON.stringify(name.own);
  const ref = at["params>ref"];
  if (name.at === at["params>name"]) replaces.set("name", own);
  else if (name.at === at["params>uri"]) replaces.set("uri", own);
  else if (ref !== undefined) {
    const member = name.at === at["params>ref>name"] ? "name" : "uri";
    replaces.set("ref", rebuilt(body, ref, { replaces: new Map([[member, own]]) }));
  }
}

function metaFor({ body, envelope: { at }, client, level }: Outgoing, to: Era, id: number): Piece {
  const own = to === "modern" ? modernMeta(client, level) : [];
  const span = at["params>_meta"];
  if (to === "legacy" && span !== undefined && holdsHopAlone(at, span))
    return at[tokenPath] === undefined ? "{}" : `{"${tokenKey}":${id}}`;
  const replaces = new Map<string, Piece>([[tokenKey, String(id)]]);
  if (span === undefined) return rebuilt(emptyObject, { start: 0, end: 2 }, { adds: own });
  return rebuilt(body, span, { keeps: (key) => !hopKeys.has(key), replaces, adds: own });
}

/**
 * Whether `_meta` has nothing but what is of this hop, as most clients send it: what was found of it fills it to the byte. To make
 * the object anew is a dozen steps more.
 */
function holdsHopAlone(at: EnvelopeSpans, { start, end }: Span): boolean {
  // Each member has its quotes, its colon and a comma, but for the last; and there are two braces.
  let bytes = 1;
  for (const { path, nameBytes } of ofHop) {
    const value = at[path];
    if (value !== undefined) bytes += nameBytes + 4 + value.end - value.start;
  }
  return bytes === end - start;
}

const emptyObject = Buffer.from("{}");

function modernMeta({ capabilities, info }: Client, level: LogLevel | undefined): (readonly [string, string])[] {
  return [
    [`${metaPrefix}protocolVersion`, `"${modernVersion}"`],
    ...(info === "" ? [] : [[`${metaPrefix}clientInfo`, info] as const]),
    [`${metaPrefix}clientCapabilities`, capabilities.text],
    ...(level === undefined ? [] : [[`${metaPrefix}logLevel`, JSON.stringify(level)] as const]),
  ];
}
