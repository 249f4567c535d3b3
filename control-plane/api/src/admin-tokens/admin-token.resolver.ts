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
import type { AnswerBody } from "../log/kept-answer.ts";
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

/** Without the text of a token, so that none is kept with it. */
function answerOf<Name extends string>(name: Name) {
  return (token: AdminTokenResource | undefined) => {
    return { __typename: name, adminToken: adminTokenToApi(existing(token)) };
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
    const command: AdminTokenCommand = {
      kind: "issue",
      ...{ id, name, sha256, expiresAtMs: expiresAt?.getTime(), timeMs: meta.timeMs },
    };
    const answer = answerOf("IssueAdminTokenSucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "name-taken");
    return { ...answer(done.state), secret: text, position: done.position };
  }

  @Mutation()
  async revokeAdminToken(
    @Args() { id }: MutationRevokeAdminTokenArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RevokeAdminTokenResult>> {
    const meta = metaOf(context, this.#plane);
    const answer = answerOf("RevokeAdminTokenSucceeded");
    const done = await this.#handle(meta, { kind: "revoke", id, timeMs: meta.timeMs }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "already-revoked");
    return { ...answer(done.state), position: done.position };
  }

  #handle(
    meta: Meta,
    command: AdminTokenCommand,
    answer: (token: AdminTokenResource | undefined) => AnswerBody,
  ): Promise<Handled<AdminTokenResource | undefined, AdminTokenRefusal>> {
    return handle(this.#plane.database, { decider: adminTokenDecider, id: command.id, command }, meta, { answer });
  }
}
