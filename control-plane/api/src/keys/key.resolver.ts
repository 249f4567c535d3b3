// Virtual keys in the admin API: input to command, state to answer. The text of a key is made here, told once in the answer
// and kept nowhere.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { scopeOf } from "@tollgate/kernel/ids";
import {
  KeyPurpose,
  type Key as KeyResource,
  type Team as TeamResource,
  type User as UserResource,
} from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type { Customers } from "../customers/customer-of.ts";
import { customersOf } from "../customers/customers-of.ts";
import type {
  ChangeKeyResult,
  IssueKeyResult,
  Key,
  KeyConnection,
  MutationChangeKeyArgs,
  MutationIssueKeyArgs,
  MutationRevokeKeyArgs,
  MutationRotateKeyArgs,
  QueryKeyArgs,
  QueryKeysArgs,
  RevokeKeyResult,
  RotateKeyResult,
  Team,
  ToolGroup,
  User,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { listResources, oneResource, referredResources } from "../listing/resource-rows.ts";
import { existing, foldStream } from "../log/fold-stream.ts";
import { handle, type Handled, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { teams } from "../teams/team.projection.ts";
import { teamToApi } from "../teams/team-to-api.ts";
import { attachedToolGroups, toolGroupIdsOf } from "../tool-groups/tool-group-to-api.ts";
import { users } from "../users/user.projection.ts";
import { userToApi } from "../users/user-to-api.ts";
import { kindOf, newKeyText } from "./key-text.ts";
import { keyDecider, type KeyCommand, type KeyRefusal } from "./key.decider.ts";
import { keys } from "./key.projection.ts";
import { keyToApi } from "./key-to-api.ts";

@Resolver("Key")
export class KeyResolver {
  readonly #plane: Plane;
  readonly #teamOf: (teamId: string) => Promise<TeamResource | undefined>;
  readonly #userOf: (userId: string) => Promise<UserResource | undefined>;
  readonly #groupsOf: (ids: readonly string[]) => Promise<ToolGroup[]>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
    this.#teamOf = batched((ids) => referredResources(plane, teams, ids));
    this.#userOf = batched((ids) => referredResources(plane, users, ids));
    this.#groupsOf = attachedToolGroups(plane);
  }

  @Query()
  key(@Args() args: QueryKeyArgs): Promise<Resolved<Key> | null> {
    return oneResource(this.#plane, keys, { ...args, includeEnded: true }, (key) => this.#toApi(key));
  }

  @ResolveField()
  toolGroups(@Parent() { toolGroupIds }: Resolved<Key>): Promise<ToolGroup[]> {
    return this.#groupsOf(toolGroupIds);
  }

  @ResolveField()
  async team(@Parent() { id, teamId }: Resolved<Key>): Promise<Resolved<Team>> {
    const team = await this.#teamOf(teamId);
    // A key is issued to a team that there is, and the rows of teams outlive them.
    if (!team) throw new Error(`the team of ${scopeOf("key", id)} is nowhere`);
    return teamToApi(team);
  }

  @ResolveField()
  async user(@Parent() { id, userId }: Resolved<Key>): Promise<Resolved<User> | null> {
    if (!userId) return null;
    const user = await this.#userOf(userId);
    if (!user) throw new Error(`the user of ${scopeOf("key", id)} is nowhere`);
    return userToApi(user);
  }

  @Query()
  keys(@Args() { filter, ...args }: QueryKeysArgs): Promise<Resolved<KeyConnection>> {
    const { teamId, includeRevoked, ...rest } = filter ?? {};
    const wish = { ...args, ...rest, parentId: teamId, includeEnded: includeRevoked };
    return listResources(this.#plane, keys, wish, (key) => this.#toApi(key));
  }

  @Mutation()
  async issueKey(
    @Args() { input }: MutationIssueKeyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<IssueKeyResult>> {
    const { name, teamId, expiresAt } = input;
    const [userId, tools, models] = [input.userId ?? "", input.tools ?? [], input.models ?? []];
    const groups = await toolGroupIdsOf(this.#plane.database.sql, input.toolGroups);
    if (groups.outcome === "refused") return refusalToApi(groups.refusal, "reference-missing");
    const meta = metaOf(context, this.#plane);
    const purpose = input.purpose === "SERVICE" ? KeyPurpose.SERVICE : KeyPurpose.AGENT;
    const { id, text, sha256 } = newKeyText(this.#plane.randomBytes, kindOf(purpose));
    const command: KeyCommand = {
      kind: "issue",
      ...{ id, name, teamId, userId, purpose, sha256, tools, toolGroupIds: groups.ids, models, timeMs: meta.timeMs },
      customers: await customersOf(this.#plane.database.sql, { teamId, userId }),
      labels: input.labels ?? [],
      expiresAtMs: expiresAt?.getTime(),
    };
    const answer = this.#answer("IssueKeySucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), secret: text, position: done.position };
  }

  @Mutation()
  async changeKey(
    @Args() { input: { id, userId, tools, toolGroups, models, labels, expiresAt } }: MutationChangeKeyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeKeyResult>> {
    const groups = await toolGroupIdsOf(this.#plane.database.sql, toolGroups);
    if (groups.outcome === "refused") return refusalToApi(groups.refusal, "reference-missing");
    const meta = metaOf(context, this.#plane);
    const command: KeyCommand = {
      kind: "change",
      ...{ id, tools: tools ?? undefined, toolGroupIds: groups.ids, models: models ?? undefined },
      labels: labels ?? undefined,
      // Only a `null` that was sent takes the user away.
      userId: userId === null ? "" : userId,
      customers: userId ? await this.#customersFor(id, userId) : undefined,
      timeMs: meta.timeMs,
      // Only a `null` that was sent takes the expiry away.
      expiresAtMs: expiresAt === null ? "never" : expiresAt?.getTime(),
    };
    const answer = this.#answer("ChangeKeySucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "already-revoked", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async rotateKey(
    @Args() { input: { id, overlapSeconds } }: MutationRotateKeyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RotateKeyResult>> {
    const meta = metaOf(context, this.#plane);
    // Its purpose is in the text of a key and never changes.
    const former = await foldStream(this.#plane.database.sql, keyDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("key", id) }, "not-found");
    const { text, sha256 } = newKeyText(this.#plane.randomBytes, kindOf(former.purpose), id);
    const { timeMs } = meta;
    const command: KeyCommand = { kind: "rotate", id, sha256, overlapSeconds: overlapSeconds ?? 0, timeMs };
    const answer = this.#answer("RotateKeySucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "not-found", "already-revoked");
    return { ...answer(done.state), secret: text, position: done.position };
  }

  @Mutation()
  async revokeKey(
    @Args() { id }: MutationRevokeKeyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RevokeKeyResult>> {
    const meta = metaOf(context, this.#plane);
    const answer = this.#answer("RevokeKeySucceeded");
    const done = await this.#handle(meta, { kind: "revoke", id, timeMs: meta.timeMs }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "already-revoked");
    return { ...answer(done.state), position: done.position };
  }

  /** For a key that gets another user. Its team stays what it is. */
  async #customersFor(id: string, userId: string): Promise<Customers | undefined> {
    const { sql } = this.#plane.database;
    const key = await foldStream(sql, keyDecider, id);
    return key && customersOf(sql, { teamId: key.teamId, userId });
  }

  #handle(
    meta: Meta,
    command: KeyCommand,
    answer: (key: KeyResource | undefined) => AnswerBody,
  ): Promise<Handled<KeyResource | undefined, KeyRefusal>> {
    return handle(this.#plane.database, { decider: keyDecider, id: command.id, command }, meta, { answer });
  }

  /** Without the text of a key, so that none is kept with it. */
  #answer<Name extends string>(name: Name) {
    return (key: KeyResource | undefined) => ({ __typename: name, key: this.#toApi(existing(key)) });
  }

  #toApi(key: KeyResource): Resolved<Key> {
    return keyToApi(key, this.#plane.nowMs());
  }
}
