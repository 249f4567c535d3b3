// The fleet in the admin API: what each proxy last said of itself. Nothing is decided by it.

import { Inject } from "@nestjs/common";
import { Args, Query, Resolver } from "@nestjs/graphql";
import { readAgeBounds } from "../environments/environment.projection.ts";
import type { Proxy, ProxyConnection, QueryFleetArgs } from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import { PLANE, type Plane } from "../plane.ts";
import { readFleet, type ReportedProxy } from "../sync/fleet.ts";

function proxyToApi(proxy: ReportedProxy, bounds: ReadonlyMap<string, bigint>): Proxy {
  const { proxyId, environment, region, software, source, workers, applied, ageMs, digests, reportedAt, isContested } =
    proxy;
  return {
    ...{ id: proxyId, environment, region, software, source, workers, applied, ageMs, reportedAt, isContested },
    replicaAgeMsMax: bounds.get(environment) ?? null,
    log: { id: proxy.logId, incarnation: proxy.logIncarnation },
    nacks: proxy.nacks.map(({ scope, position, reason }) => ({ scope, position: BigInt(position), reason })),
    nackCount: proxy.nackCount,
    digests: digests.map(({ kind, resources, digest }) => ({ kind, resources: BigInt(resources), digest })),
  };
}

function keyOf({ environment, region, proxyId }: ReportedProxy): readonly string[] {
  return [environment, region, proxyId];
}

function isAfter(key: readonly string[], after: readonly string[]): boolean {
  const index = key.findIndex((part, at) => part !== after[at]);
  return index >= 0 && (key[index] ?? "") > (after[index] ?? "");
}

@Resolver()
export class FleetResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async fleet(@Args() args: QueryFleetArgs): Promise<ProxyConnection> {
    const page = pageOf(args, 3);
    const proxies = (await readFleet(this.#plane.database.sql)).sort((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1));
    const bounds = await readAgeBounds(this.#plane.database.sql);
    const { after } = page;
    const rest = after ? proxies.filter((proxy) => isAfter(keyOf(proxy), after)) : proxies;
    return connectionOf(page, rest.slice(0, page.take + 1), keyOf, (proxy) => proxyToApi(proxy, bounds));
  }
}
