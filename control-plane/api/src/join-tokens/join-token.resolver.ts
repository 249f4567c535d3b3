// Join tokens in the admin API. The text of a token is made here, told once in the answer and kept nowhere; with it goes
// the pin of the authority, so that the proxy knows the control plane that it is for.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import type { JoinToken as JoinTokenResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  JoinToken,
  JoinTokenConnection,
  IssueJoinTokenResult,
  MutationIssueJoinTokenArgs,
  MutationRevokeJoinTokenArgs,
  QueryJoinTokensArgs,
  RevokeJoinTokenResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle, type Handled, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { joinTokenDecider, type JoinTokenCommand, type JoinTokenRefusal } from "./join-token.decider.ts";
import { joinTokens } from "./join-token.projection.ts";
import { newJoinToken } from "./join-token-text.ts";

function joinTokenToApi(token: JoinTokenResource): JoinToken {
  const { id, name, usesMax, usedBy, environment, createdAtMs, expiresAtMs, revokedAtMs } = token;
  return {
    ...{ id, name, usesMax, usedBy: [...usedBy], environment: environment === "" ? null : environment },
    createdAt: new Date(Number(createdAtMs)),
    expiresAt: instantToApi(expiresAtMs),
    revokedAt: instantToApi(revokedAtMs),
  };
}

/** Without the text of a token, so that none is kept with it. */
function answerOf<Name extends string>(name: Name) {
  return (token: JoinTokenResource | undefined) => {
    return { __typename: name, joinToken: joinTokenToApi(existing(token)) };
  };
}

@Resolver()
export class JoinTokenResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  joinTokens(@Args() { filter, ...args }: QueryJoinTokensArgs): Promise<JoinTokenConnection> {
    const { includeRevoked, ...rest } = filter ?? {};
    const wish = { ...args, ...rest, includeEnded: includeRevoked };
    return listResources(this.#plane, joinTokens, wish, joinTokenToApi);
  }

  @Mutation()
  async issueJoinToken(
    @Args() { input: { name, usesMax, environment, expiresAt } }: MutationIssueJoinTokenArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<IssueJoinTokenResult>> {
    const meta = metaOf(context, this.#plane);
    const { id, text, sha256 } = newJoinToken(this.#plane);
    const command: JoinTokenCommand = {
      kind: "issue",
      ...{ id, name, sha256, usesMax: usesMax ?? 1, environment: environment ?? "" },
      ...{ expiresAtMs: expiresAt?.getTime(), timeMs: meta.timeMs },
    };
    const answer = answerOf("IssueJoinTokenSucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "name-taken");
    return { ...answer(done.state), secret: text, position: done.position };
  }

  @Mutation()
  async revokeJoinToken(
    @Args() { id }: MutationRevokeJoinTokenArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RevokeJoinTokenResult>> {
    const meta = metaOf(context, this.#plane);
    const answer = answerOf("RevokeJoinTokenSucceeded");
    const done = await this.#handle(meta, { kind: "revoke", id, timeMs: meta.timeMs }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "already-revoked");
    return { ...answer(done.state), position: done.position };
  }

  #handle(
    meta: Meta,
    command: JoinTokenCommand,
    answer: (token: JoinTokenResource | undefined) => AnswerBody,
  ): Promise<Handled<JoinTokenResource | undefined, JoinTokenRefusal>> {
    return handle(this.#plane.database, { decider: joinTokenDecider, id: command.id, command }, meta, { answer });
  }
}
