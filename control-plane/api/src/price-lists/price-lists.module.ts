// Prices as a part of the admin API.

import { Module } from "@nestjs/common";
import { PriceListResolver } from "./price-list.resolver.ts";

@Module({ providers: [PriceListResolver] })
export class PriceListsModule {}
