// The lists that a client gets: what of an endpoint's surface its key reaches, in a stable order, page by page. A page is cut
// where it has as many bytes as one may; the rest waits behind a cursor that says by name where it goes on, so that changes
// between two pages move nothing. Nobody is asked for it.

import type { Principal, View } from "@tollgate/kernel/view";
import type { Sealer } from "../../sealing/sealer.ts";
import { listMethods, type Era, type ListKind } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import type { Exposed, Surface } from "../surface/surface.ts";

export type ListAsked = {
  readonly kind: ListKind;
  readonly view: View;
  readonly principal: Principal;
  readonly surface: Surface;
  readonly era: Era;
  readonly cursor: string | undefined;
};

export type ListParts = {
  readonly catalogues: Catalogues;
  readonly sealer: Sealer;
  readonly wallMs: () => number;
  readonly listBytesMax: number;
};

const cursorLifeMs = 60 * 60_000;
/** A list that fits into one page is printed once for all who see the same. */
const printed = new WeakMap<readonly Exposed[], string>();

/** The result as JSON; undefined for a cursor that is none. */
export function listResult(parts: ListParts, asked: ListAsked): string | undefined {
  const { kind, surface, view, principal, era, cursor } = asked;
  const visible = surface.visible(kind, view, principal);
  const from = cursor === undefined ? 0 : startOf(parts, asked, visible, cursor);
  if (from === undefined) return undefined;
  const whole = from === 0 ? printed.get(visible) : undefined;
  const page =
    whole === undefined ? pageFrom(visible, from, parts.listBytesMax) : { items: whole, next: visible.length };
  if (from === 0 && page.next === visible.length) printed.set(visible, page.items);
  const { member } = listMethods[kind];
  const next = page.next === visible.length ? "" : `,"nextCursor":"${sealedCursor(parts, asked, visible, page.next)}"`;
  return `{${era === "modern" ? modernMembers(parts, asked, visible) : ""}"${member}":[${page.items}]${next}}`;
}

function pageFrom(visible: readonly Exposed[], from: number, bytesMax: number): { items: string; next: number } {
  const items: string[] = [];
  let bytes = 0;
  let next = from;
  for (; next < visible.length; next++) {
    const item = visible[next]?.bytes ?? new Uint8Array();
    if (items.length > 0 && bytes + item.length > bytesMax) break;
    bytes += item.length + 1;
    items.push(Buffer.from(item.buffer, item.byteOffset, item.length).toString("utf8"));
  }
  return { items: items.join(","), next };
}

/** What one key sees is nobody else's, and as fresh as the least fresh part of it. */
function modernMembers({ catalogues }: ListParts, { kind }: ListAsked, visible: readonly Exposed[]): string {
  let ttlMs = Number.POSITIVE_INFINITY;
  for (const id of new Set(visible.map(({ server }) => server.id)))
    ttlMs = Math.min(ttlMs, catalogues.of(id)?.hints[kind].ttlMs ?? 0);
  return `"resultType":"complete","ttlMs":${Number.isFinite(ttlMs) ? ttlMs : 0},"cacheScope":"private",`;
}

function bindingOf({ principal }: ListAsked) {
  return { purpose: "cursor", principal: principal.key.id } as const;
}

function sealedCursor(
  { sealer, wallMs }: ListParts,
  asked: ListAsked,
  visible: readonly Exposed[],
  next: number,
): string {
  const last = visible[next - 1];
  const before = visible.findIndex(({ server }) => server.id === last?.server.id);
  const payload = Buffer.from(JSON.stringify({ k: asked.kind, s: last?.server.id, n: last?.name, i: next - before }));
  const sealed = sealer.seal(bindingOf(asked), payload, wallMs() + cursorLifeMs);
  if (sealed.outcome === "refused") throw new Error(`a cursor cannot be sealed: ${sealed.reason}`);
  return sealed.text;
}

/** Behind the item that was the last, or behind where it would be. */
function startOf(
  { sealer }: ListParts,
  asked: ListAsked,
  visible: readonly Exposed[],
  cursor: string,
): number | undefined {
  const opened = sealer.open(bindingOf(asked), cursor);
  if (opened.outcome === "refused") return undefined;
  const { k, s, n, i }: { k?: unknown; s?: unknown; n?: unknown; i?: unknown } = Object(
    JSON.parse(Buffer.from(opened.payload).toString("utf8")),
  );
  if (k !== asked.kind) return undefined;
  const at = visible.findIndex(({ server, name }) => server.id === s && name === n);
  if (at >= 0) return at + 1;
  // It went: what came behind it at its server stands one place further to the front now, if nothing else went.
  const ofServer = visible.findIndex(({ server }) => server.id === s);
  if (ofServer >= 0 && typeof i === "number") return placeAmong(visible, ofServer, i - 1);
  const { servers } = asked.surface;
  const place = servers.findIndex(({ id }) => id === s);
  const after = visible.findIndex(({ server }) => servers.indexOf(server) > place);
  return after < 0 ? visible.length : after;
}

/** So many items behind the server's first, and at most behind its last. */
function placeAmong(visible: readonly Exposed[], first: number, count: number): number {
  const id = visible[first]?.server.id;
  let at = first;
  while (at < first + count && visible[at]?.server.id === id) at++;
  return at;
}
