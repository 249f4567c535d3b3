// The texts of definitions, and what changed of one: read together for all entries of an answer, and within a bound.

import { Inject } from "@nestjs/common";
import { Parent, ResolveField, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { definitionDifference } from "@tollgate/kernel/tool-definition";
import type { CatalogueEntry, DefinitionDifference } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { PLANE, type Plane } from "../plane.ts";
import { readDefinitions } from "./entries.ts";

/** Each may be some ten thousand characters. */
const definitionsMax = 1_000;

@Resolver("CatalogueEntry")
export class CatalogueEntryResolver {
  readonly #definitionOf: (hash: string) => Promise<string | undefined>;

  constructor(@Inject(PLANE) { database }: Plane) {
    this.#definitionOf = batched((hashes) => {
      if (hashes.length > definitionsMax)
        throw new TollgateError("request.invalid", `${definitionsMax} definitions are answered at once.`);
      return readDefinitions(database.sql, hashes);
    });
  }

  @ResolveField()
  async definition(@Parent() { sha256 }: Resolved<CatalogueEntry>): Promise<string | null> {
    return (await this.#definitionOf(sha256)) ?? null;
  }

  @ResolveField()
  async difference(@Parent() entry: Resolved<CatalogueEntry>): Promise<DefinitionDifference | null> {
    const { sha256, approval, previousSha256 } = entry;
    const former = approval?.sha256 ?? previousSha256;
    if (former === null || former === sha256) return null;
    const [before, after] = await Promise.all([former, sha256].map((hash) => this.#definitionOf(hash)));
    if (before === undefined || after === undefined) return null;
    const { changes, isWhole } = definitionDifference(before, after);
    return {
      isWhole,
      changes: changes.map(({ path, ...texts }) => ({
        path,
        before: texts.before ?? null,
        after: texts.after ?? null,
      })),
    };
  }
}
