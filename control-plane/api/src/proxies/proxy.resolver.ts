// Enrolled proxies in the admin API: who may hold certificates, and the end of that.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import type { EnrolledProxy as EnrolledProxyResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type { Sql } from "../database.ts";
import type {
  EnrolledProxy,
  EnrolledProxyConnection,
  MutationRevokeProxyArgs,
  QueryEnrolledProxiesArgs,
  RevokeProxyResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { proxyDecider, type ProxyCommand } from "./proxy.decider.ts";
import { enrolledProxies } from "./proxy.projection.ts";

function proxyToApi(proxy: EnrolledProxyResource): EnrolledProxy {
  const { id, environment, region, joinTokenId, enrolledAtMs, revokedAtMs } = proxy;
  return {
    ...{ id, environment, region, joinTokenId },
    enrolledAt: new Date(Number(enrolledAtMs)),
    revokedAt: instantToApi(revokedAtMs),
  };
}

function revoked(proxy: EnrolledProxyResource | undefined) {
  return { __typename: "RevokeProxySucceeded" as const, proxy: proxyToApi(existing(proxy)) };
}

@Resolver()
export class ProxyResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  enrolledProxies(@Args() { includeRevoked, ...args }: QueryEnrolledProxiesArgs): Promise<EnrolledProxyConnection> {
    return listResources(this.#plane, enrolledProxies, { ...args, includeEnded: includeRevoked }, proxyToApi);
  }

  @Mutation()
  async revokeProxy(
    @Args() { id }: MutationRevokeProxyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RevokeProxyResult>> {
    const meta = metaOf(context, this.#plane);
    const command: ProxyCommand = { kind: "revoke", id, timeMs: meta.timeMs };
    const step = { decider: proxyDecider, id, command };
    // In one transaction: whom nobody trusts any more must not be able to write in the names of the others.
    const within = (sql: Sql) => this.#plane.keyring.renew(sql);
    const done = await handle(this.#plane.database, step, meta, { answer: revoked, within });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "already-revoked");
    return { ...revoked(done.state), position: done.position };
  }
}
