// Admin tokens in the admin API. The text of a token is made here, told once in the answer and kept nowhere.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import type { AdminToken as AdminTokenResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  AdminToken,
  AdminTokenConnection,
  IssueAdminTokenResult,
  MutationIssueAdminTokenArgs,
  MutationRevokeAdminTokenArgs,
  QueryAdminTokensArgs,
  RevokeAdminTokenResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { newKeyText } from "../keys/key-text.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle, type Handled, type Meta } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { adminTokenDecider, type AdminTokenCommand, type AdminTokenRefusal } from "./admin-token.decider.ts";
import { adminTokens } from "./admin-token.projection.ts";

function adminTokenToApi({ id, name, createdAtMs, expiresAtMs, revokedAtMs }: AdminTokenResource): AdminToken {
  return {
    ...{ id, name },
    createdAt: new Date(Number(createdAtMs)),
    expiresAt: instantToApi(expiresAtMs),
    revokedAt: instantToApi(revokedAtMs),
  };
}

@Resolver()
export class AdminTokenResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  adminTokens(@Args() { filter, ...args }: QueryAdminTokensArgs): Promise<AdminTokenConnection> {
    const { includeRevoked, ...rest } = filter ?? {};
    const wish = { ...args, ...rest, includeEnded: includeRevoked };
    return listResources(this.#plane, adminTokens, wish, adminTokenToApi);
  }

  @Mutation()
  async issueAdminToken(
    @Args() { input: { name, expiresAt } }: MutationIssueAdminTokenArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<IssueAdminTokenResult>> {
    const meta = metaOf(context, this.#plane);
    const { id, text, sha256 } = newKeyText(this.#plane.randomBytes, "adm");
    const done = await this.#handle(meta, {
      kind: "issue",
      ...{ id, name, sha256, expiresAtMs: expiresAt?.getTime(), timeMs: meta.timeMs },
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "name-taken");
    const adminToken = adminTokenToApi(existing(done.state));
    return { __typename: "IssueAdminTokenSucceeded", adminToken, secret: text, position: done.position };
  }

  @Mutation()
  async revokeAdminToken(
    @Args() { id }: MutationRevokeAdminTokenArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RevokeAdminTokenResult>> {
    const meta = metaOf(context, this.#plane);
    const done = await this.#handle(meta, { kind: "revoke", id, timeMs: meta.timeMs });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "already-revoked");
    const adminToken = adminTokenToApi(existing(done.state));
    return { __typename: "RevokeAdminTokenSucceeded", adminToken, position: done.position };
  }

  #handle(meta: Meta, command: AdminTokenCommand): Promise<Handled<AdminTokenResource | undefined, AdminTokenRefusal>> {
    return handle(this.#plane.database, { decider: adminTokenDecider, id: command.id, command }, meta);
  }
}
