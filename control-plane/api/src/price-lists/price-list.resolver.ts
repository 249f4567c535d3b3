// Prices in the admin API: the list that was set, the one that comes with the software, and setting it.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { defaultPrices } from "@tollgate/kernel/default-prices";
import type { PriceList as PriceListResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  MutationSetPricesArgs,
  PriceList,
  QueryPriceListArgs,
  SetPricesResult,
  ShippedPriceList,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { priceListDecider, priceListId } from "./price-list.decider.ts";
import { priceLists } from "./price-list.projection.ts";
import { priceFromApi, priceListToApi, priceToApi } from "./price-list-to-api.ts";

@Resolver()
export class PriceListResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  priceList(@Args() args: QueryPriceListArgs): Promise<PriceList | null> {
    return oneResource(this.#plane, priceLists, { ...args, id: priceListId }, priceListToApi);
  }

  @Query()
  shippedPriceList(): ShippedPriceList {
    return { version: defaultPrices.version, prices: defaultPrices.prices.map(priceToApi) };
  }

  @Mutation()
  async setPrices(
    @Args() { input }: MutationSetPricesArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<SetPricesResult>> {
    const toolPrices = (input.toolPrices ?? []).map(({ tool, perCall }) => ({ tool, callNanoUsd: perCall }));
    const command = { kind: "set", prices: input.prices.map(priceFromApi), toolPrices } as const;
    const step = { decider: priceListDecider, id: priceListId, command };
    const answer = (list: PriceListResource | undefined) => {
      return { __typename: "SetPricesSucceeded", priceList: priceListToApi(existing(list)) } as const;
    };
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input");
    return { ...answer(done.state), position: done.position };
  }
}
