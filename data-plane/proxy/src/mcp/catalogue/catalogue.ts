// What is known of one server: how it is, what it speaks, and what it lists. Made by whoever watches the server, read by
// whoever serves clients; it travels between processes as it is. An item's bytes are the server's own.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { Server } from "@tollgate/schema/resources";
import type { Span } from "../../bytes/members.ts";

export const listKinds = ["tools", "prompts", "resources", "templates"] as const;
export type ListKind = (typeof listKinds)[number];

export type Era = "legacy" | "modern";

export type HealthState = "connecting" | "connected" | "degraded" | "unreachable" | "needs-auth" | "refused";

export type Health = {
  readonly state: HealthState;
  /** A sentence for operators; empty when all is well. */
  readonly reason: string;
  readonly sinceMs: number;
  /** What a call meets that cannot be made because of it. */
  readonly code?: ErrorCode;
};

export type Listed = {
  /** `name`, `uri` or `uriTemplate`: what the server calls it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where the name's value stands in the bytes, with its quotes. */
  readonly nameAt: Span;
  readonly sha256: string;
};

export type Lists = { readonly [Kind in ListKind]: readonly Listed[] };

export type Hints = { readonly ttlMs: number; readonly isPublic: boolean };

export type Capabilities = {
  readonly lists: readonly ListKind[];
  readonly listChanged: readonly ListKind[];
  readonly canSubscribe: boolean;
  readonly canComplete: boolean;
  readonly canLog: boolean;
};

export type Catalogue = {
  readonly serverId: string;
  /** At what address, or of what program, all of this was found out. */
  readonly place: string;
  /** Another number whenever anything but the health is another, also where somebody else began to watch in between. */
  readonly revision: number;
  readonly health: Health;
  /** Undefined while nobody has found out. */
  readonly era: Era | undefined;
  readonly version: string;
  /** JSON, as the server sent it; empty where it names itself not. */
  readonly serverInfo: string;
  readonly instructions: string;
  readonly capabilities: Capabilities;
  readonly lists: Lists;
  /** When the server said so. */
  readonly listedMs: number;
  /** Tools that it lists and nobody may call, because their definitions are none. */
  readonly unfitTools: readonly string[];
  readonly hints: { readonly [Kind in ListKind]: Hints };
};

export const noLists: Lists = { tools: [], prompts: [], resources: [], templates: [] };
export const noHints: Catalogue["hints"] = {
  tools: { ttlMs: 0, isPublic: false },
  prompts: { ttlMs: 0, isPublic: false },
  resources: { ttlMs: 0, isPublic: false },
  templates: { ttlMs: 0, isPublic: false },
};
export const noCapabilities: Capabilities = {
  lists: [],
  listChanged: [],
  canSubscribe: false,
  canComplete: false,
  canLog: false,
};

const places = new WeakMap<Server, string>();

/** Where a server is registered to be found: what was found out elsewhere may be otherwise here. */
export function placeOf(server: Server): string {
  const known = places.get(server);
  if (known !== undefined) return known;
  const { transport, url, command, era } = server;
  const place = JSON.stringify([transport, url, command, era]);
  places.set(server, place);
  return place;
}

/** Whether what it lists is shown: it answers, or did a moment ago. */
export function isShown({ health }: Catalogue): boolean {
  return health.state === "connected" || health.state === "degraded";
}

export const listMethods: Record<ListKind, { method: string; member: string; name: string }> = {
  tools: { method: "tools/list", member: "tools", name: "name" },
  prompts: { method: "prompts/list", member: "prompts", name: "name" },
  resources: { method: "resources/list", member: "resources", name: "uri" },
  templates: { method: "resources/templates/list", member: "resourceTemplates", name: "uriTemplate" },
};
