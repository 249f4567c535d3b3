// The models that a key reaches, as Anthropic lists them: in pages, by `limit` and the id behind or before which a page
// begins. An id that is not in the list begins the list anew, as if nothing had been said.

import type { ListedModel } from "@tollgate/kernel/models";

const limitDefault = 20;
const limitMax = 1_000;
/** What the protocol says where nobody knows when a model came out. */
const unknownTime = "1970-01-01T00:00:00Z";

export function modelsBody(models: readonly ListedModel[], query: URLSearchParams): string {
  const limit = limitIn(query.get("limit"));
  const after = placeOf(models, query.get("after_id"));
  const before = placeOf(models, query.get("before_id"));
  const isBackwards = after === undefined && before !== undefined;
  const end = isBackwards ? before : Math.min(models.length, (after ?? -1) + 1 + limit);
  const start = isBackwards ? Math.max(0, before - limit) : (after ?? -1) + 1;
  const page = models.slice(start, end);
  return JSON.stringify({
    data: page.map(entryOf),
    has_more: isBackwards ? start > 0 : end < models.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  });
}

export function modelBody(model: ListedModel): string {
  return JSON.stringify(entryOf(model));
}

function entryOf({ id, displayName }: ListedModel) {
  return { type: "model", id, display_name: displayName, created_at: unknownTime };
}

function limitIn(text: string | null): number {
  return text !== null && /^\d{1,6}$/.test(text) ? Math.min(Math.max(1, Number(text)), limitMax) : limitDefault;
}

function placeOf(models: readonly ListedModel[], id: string | null): number | undefined {
  const found = models.findIndex((model) => model.id === id);
  return found < 0 ? undefined : found;
}
