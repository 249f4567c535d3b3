// Who is told that lists changed: everybody with an open stream whose own view of them is another now, and nobody else. It
// is looked at whenever servers or policy changed, for all changes that came together. A key that may not come in any more
// has its streams closed.

import { hash } from "node:crypto";
import { admit } from "@tollgate/kernel/asked";
import { narrowed, type Principal, type View } from "@tollgate/kernel/view";
import type { ToolGroup } from "@tollgate/schema/resources";
import type { Credential } from "../../http/credentials.ts";
import { createSlots } from "../../slots.ts";
import type { ListKind } from "../catalogue/catalogue.ts";
import type { Exposed, Surface } from "../surface/surface.ts";

/** Who came, and to which endpoint (a group's name): who that is, and what he reaches, is decided again whenever it matters. */
export type Whose = { readonly credential: Credential; readonly group: string | undefined };

/** Whom a question of reach is about, and by which view. */
export type Reach = { readonly view: View; readonly principal: Principal };

/** Lists as somebody was told of them last, by kind; undefined before he first listened. */
export type Told = { lists: ReadonlyMap<ListKind, string> | undefined };

export type Attention = Whose & {
  /** Where it outlives the stream, who comes back is told what changed while he was away. */
  readonly told: Told;
  readonly kinds: readonly ListKind[];
  tell(kinds: readonly ListKind[]): void;
  /** The key, or the endpoint, is not there for it any more. */
  close(): void;
};

export type Announcements = {
  /** By the newest view; undefined where the key, or the endpoint, is not there any more. */
  reachOf(whose: Whose): Reach | undefined;
  /** What is returned ends it. */
  attend(attention: Attention): () => void;
  /** Something may be another now. */
  look(): void;
};

export type AnnouncementParts = {
  view: () => View | undefined;
  surfaceOf: (view: View, group: ToolGroup | undefined) => Surface;
  wallMs: () => number;
};

export function createAnnouncements({ view: viewNow, surfaceOf, wallMs }: AnnouncementParts): Announcements {
  const attending = createSlots<Attention>();
  let isPending = false;

  function reachIn(view: View, { credential, group: name }: Whose): (Reach & { surface: Surface }) | undefined {
    const decided = admit(view, credential, wallMs());
    if (decided.outcome === "refused") return undefined;
    const group = name === undefined ? undefined : view.toolGroupsByName.get(name);
    if (name !== undefined && group === undefined) return undefined;
    const principal = group === undefined ? decided.principal : narrowed(view, decided.principal, group);
    return { view, principal, surface: surfaceOf(view, group) };
  }

  function seenBy(attention: Attention, view: View): Map<ListKind, string> | undefined {
    const reach = reachIn(view, attention);
    return reach && new Map(attention.kinds.map((kind) => [kind, printOf(reach.surface, kind, view, reach.principal)]));
  }

  function lookNow(): void {
    isPending = false;
    const view = viewNow();
    if (view === undefined) return;
    for (const attention of attending) {
      const seen = seenBy(attention, view);
      if (seen === undefined) attention.close();
      else tellOthers(attention, seen);
    }
  }

  function tellOthers({ told, kinds, tell }: Attention, seen: ReadonlyMap<ListKind, string>): void {
    const { lists = seen } = told;
    told.lists = seen;
    const others = kinds.filter((kind) => seen.get(kind) !== lists.get(kind));
    if (others.length > 0) tell(others);
  }

  return {
    reachOf(whose) {
      const view = viewNow();
      return view && reachIn(view, whose);
    },
    attend(attention) {
      const view = viewNow();
      const seen = view && seenBy(attention, view);
      if (seen !== undefined) tellOthers(attention, seen);
      return attending.add(attention);
    },
    look() {
      if (isPending) return;
      isPending = true;
      setImmediate(lookNow);
    },
  };
}

const prints = new WeakMap<readonly Exposed[], string>();

/** What is in the list, in one short text. */
function printOf(surface: Surface, kind: ListKind, view: View, principal: Principal): string {
  const visible = surface.visible(kind, view, principal);
  const known = prints.get(visible);
  if (known !== undefined) return known;
  const print = hash("sha256", visible.map(({ name, listed }) => `${name} ${listed.sha256}`).join("\n"));
  prints.set(visible, print);
  return print;
}

export const changeMethods: Record<ListKind, string> = {
  tools: "notifications/tools/list_changed",
  prompts: "notifications/prompts/list_changed",
  resources: "notifications/resources/list_changed",
  templates: "notifications/resources/list_changed",
};
