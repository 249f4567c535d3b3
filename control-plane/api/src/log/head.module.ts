// Which log this is and how far it goes, in the admin API.

import { Inject, Module } from "@nestjs/common";
import { Query, Resolver } from "@nestjs/graphql";
import type { Log } from "../gen/graphql.ts";
import { PLANE, type Plane } from "../plane.ts";
import { head } from "./read.ts";

@Resolver()
export class HeadResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async log(): Promise<Log> {
    const { log, position } = await head(this.#plane.database.sql);
    return { ...log, position };
  }
}

@Module({ providers: [HeadResolver] })
export class HeadModule {}
