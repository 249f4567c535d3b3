// The models that a key reaches, as OpenAI lists them: all at once.

import type { ListedModel } from "@tollgate/kernel/models";

export function modelsBody(models: readonly ListedModel[]): string {
  return JSON.stringify({ object: "list", data: models.map(entryOf) });
}

export function modelBody(model: ListedModel): string {
  return JSON.stringify(entryOf(model));
}

function entryOf({ id, provider }: ListedModel) {
  return { id, object: "model", created: 0, owned_by: provider };
}
