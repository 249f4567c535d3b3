// Approvals of tools in the admin API. That they are there is shown with the server's tools.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Resolver } from "@nestjs/graphql";
import { scopeOf } from "@tollgate/kernel/ids";
import type { Server as ServerResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ApproveToolsResult,
  MutationApproveToolsArgs,
  MutationWithdrawToolApprovalArgs,
  WithdrawToolApprovalResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { foldStream } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { serverDecider } from "../servers/server.decider.ts";
import { serverToApi } from "../servers/server-to-api.ts";
import { approveTools } from "./approve.ts";
import { toolApprovalDecider, toolApprovalId } from "./tool-approval.decider.ts";

function answerOf<Name extends string>(name: Name, server: ServerResource) {
  return { __typename: name, server: serverToApi(server) };
}

@Resolver()
export class ToolApprovalResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Mutation()
  async approveTools(
    @Args() { input: { serverId, tools } }: MutationApproveToolsArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ApproveToolsResult>> {
    const server = await this.#server(serverId);
    if (!server) return refusalToApi({ kind: "not-found", scope: scopeOf("server", serverId) }, "not-found");
    const answer = () => answerOf("ApproveToolsSucceeded", server);
    const { database } = this.#plane;
    const done = await approveTools(database, metaOf(context, this.#plane), { serverId, tools, answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "not-found", "tool-changed");
    return { ...answer(), position: done.position };
  }

  @Mutation()
  async withdrawToolApproval(
    @Args() { input: { serverId, name } }: MutationWithdrawToolApprovalArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<WithdrawToolApprovalResult>> {
    const server = await this.#server(serverId);
    if (!server) return refusalToApi({ kind: "not-found", scope: scopeOf("server", serverId) }, "not-found");
    const answer = () => answerOf("WithdrawToolApprovalSucceeded", server);
    const id = toolApprovalId(serverId, name);
    const step = { decider: toolApprovalDecider, id, command: { kind: "withdraw", id } } as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }

  #server(id: string): Promise<ServerResource | undefined> {
    return foldStream(this.#plane.database.sql, serverDecider, id);
  }
}
