// A model alias as the API shows it. Its targets are given by the provider's name and kept by its id.

import type { ModelAlias as ModelAliasResource } from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import type { ModelAlias, ModelTargetInput } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { holderOf } from "../log/names.ts";
import type { Target } from "./model-alias.decider.ts";

export function modelAliasToApi({ id, name, targets }: ModelAliasResource): Resolved<ModelAlias> {
  return { id, name, targets: targets.map(({ providerId, model }) => ({ providerId, model })) };
}

type Found =
  | { outcome: "found"; targets: Target[] }
  | { outcome: "refused"; refusal: { kind: "reference-missing"; scope: string } };

export async function targetsFromApi(sql: Sql, inputs: readonly ModelTargetInput[]): Promise<Found> {
  const targets: Target[] = [];
  for (const { provider, model } of inputs) {
    const providerId = await holderOf(sql, "provider", provider);
    if (providerId === undefined)
      return { outcome: "refused", refusal: { kind: "reference-missing", scope: `provider/${provider}` } };
    targets.push({ providerId, model });
  }
  return { outcome: "found", targets };
}
