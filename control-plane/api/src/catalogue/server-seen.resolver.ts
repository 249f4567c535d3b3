// What the proxies saw of a server, beside what it was registered as: with one query for all servers of an answer, and within a
// bound for all of them together.

import { Inject } from "@nestjs/common";
import { Args, Parent, ResolveField, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import type {
  CatalogueEntryConnection,
  CatalogueKind,
  Server,
  ServerEntriesArgs,
  ServerHealth,
  ServerListing,
  ServerToolsArgs,
} from "../gen/graphql.ts";
import { connectionOf, pageOf, type PageArgs } from "../graphql/connection.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { PLANE, type Plane } from "../plane.ts";
import { entryToApi, healthToApi, kindsFromApi, listingToApi } from "./catalogue-to-api.ts";
import {
  readEntries,
  readHealth,
  readListings,
  type EntryRow,
  type EntryWish,
  type HealthRow,
  type ListingRow,
} from "./entries.ts";

/** Of all pages of one answer. */
const entriesMax = 10_000;

type Parented = Resolved<Server>;
type Entries = Resolved<CatalogueEntryConnection>;

@Resolver("Server")
export class ServerSeenResolver {
  readonly #healthOf: (serverId: string) => Promise<HealthRow[] | undefined>;
  readonly #listingOf: (serverId: string) => Promise<ListingRow | undefined>;
  readonly #entriesOf: (wish: string) => Promise<EntryRow[] | undefined>;

  constructor(@Inject(PLANE) { database: { sql } }: Plane) {
    this.#healthOf = batched((ids) => readHealth(sql, ids));
    this.#listingOf = batched((ids) => readListings(sql, ids));
    this.#entriesOf = batched(async (texts) => {
      // Each text was made below from a wish.
      const wishes = texts.map((text) => JSON.parse(text) as EntryWish);
      if (wishes.reduce((sum, { take }) => sum + take, 0) > entriesMax)
        throw new TollgateError(
          "request.invalid",
          `Of all servers together ${entriesMax} entries are answered at once.`,
        );
      const pages = await readEntries(sql, wishes);
      return new Map(texts.map((text, index) => [text, pages[index] ?? []]));
    });
  }

  @ResolveField()
  async health(@Parent() { id }: Parented): Promise<ServerHealth[]> {
    return ((await this.#healthOf(id)) ?? []).map(healthToApi);
  }

  @ResolveField()
  async listing(@Parent() { id }: Parented): Promise<ServerListing | null> {
    const row = await this.#listingOf(id);
    return row ? listingToApi(row) : null;
  }

  @ResolveField()
  tools(@Parent() { id }: Parented, @Args() args: ServerToolsArgs): Promise<Entries> {
    return this.#page(id, "TOOL", args);
  }

  @ResolveField()
  pendingTools(@Parent() { id }: Parented, @Args() args: ServerToolsArgs): Promise<Entries> {
    return this.#page(id, "TOOL", args, true);
  }

  @ResolveField()
  entries(@Parent() { id }: Parented, @Args() { kind, ...args }: ServerEntriesArgs): Promise<Entries> {
    return this.#page(id, kind, args);
  }

  async #page(serverId: string, kind: CatalogueKind, args: PageArgs, isPending = false): Promise<Entries> {
    const page = pageOf(args, 1);
    const { take, after } = page;
    const wish: EntryWish = { serverId, kind: kindsFromApi[kind], isPending, take, after: after?.[0] ?? null };
    const rows = (await this.#entriesOf(JSON.stringify(wish))) ?? [];
    return connectionOf(page, rows, ({ name }) => [name], entryToApi(kind));
  }
}
