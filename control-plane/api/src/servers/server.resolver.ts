// Upstream MCP servers in the admin API. A header's value comes in and never goes out again.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import { serverDefaults } from "@tollgate/kernel/server-rules";
import type { Server as ServerResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeServerResult,
  MutationChangeServerArgs,
  MutationRegisterServerArgs,
  MutationRetireServerArgs,
  QueryServerArgs,
  QueryServersArgs,
  RegisterServerResult,
  RetireServerResult,
  Server,
  ServerConnection,
  ServerHeaderInput,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing, foldStream } from "../log/fold-stream.ts";
import { PLANE, type Plane } from "../plane.ts";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { WantedHeader } from "./header-secrets.ts";
import { commandServer } from "./server-command.ts";
import { serverDecider, type ServerSettings } from "./server.decider.ts";
import { servers } from "./server.projection.ts";

function serverToApi({ id, name, url, headers, timeoutSeconds, allowPrivateNetwork }: ServerResource): Server {
  return {
    ...{ id, name, url, timeoutSeconds, allowPrivateNetwork },
    headers: headers.map(({ name, prefix, secretId }) => ({ name, prefix, secretId })),
  };
}

function wantedFromApi(inputs: readonly ServerHeaderInput[]): WantedHeader[] | InvalidInput {
  const wanted: WantedHeader[] = [];
  for (const [index, { name, prefix, secretName, value }] of inputs.entries()) {
    const source =
      typeof value === "string" && typeof secretName !== "string"
        ? { value }
        : typeof secretName === "string" && typeof value !== "string"
          ? { secretName }
          : undefined;
    if (!source) return invalidInput(`headers[${index}]`, "must have exactly one of `secretName` and `value`");
    wanted.push({ name, prefix: prefix ?? "", source });
  }
  return wanted;
}

function answerOf<Name extends string>(name: Name) {
  return (server: ServerResource | undefined) => ({ __typename: name, server: serverToApi(existing(server)) });
}

@Resolver()
export class ServerResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  server(@Args() args: QueryServerArgs): Promise<Server | null> {
    return oneResource(this.#plane, servers, args, serverToApi);
  }

  @Query()
  servers(@Args() { filter, ...args }: QueryServersArgs): Promise<ServerConnection> {
    return listResources(this.#plane, servers, { ...args, ...filter }, serverToApi);
  }

  @Mutation()
  async registerServer(
    @Args() { input }: MutationRegisterServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RegisterServerResult>> {
    const { name, url } = input;
    const wanted = wantedFromApi(input.headers ?? []);
    if (!Array.isArray(wanted)) return refusalToApi(wanted, "invalid-input");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const settings = {
      url,
      timeoutSeconds: input.timeoutSeconds ?? serverDefaults.timeoutSeconds,
      allowPrivateNetwork: input.allowPrivateNetwork ?? serverDefaults.allowPrivateNetwork,
    };
    const answer = answerOf("RegisterServerSucceeded");
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name, headers: wanted, answer },
      command: (headers = []) => ({ kind: "register", id, name, headers, ...settings }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.server), position: done.position };
  }

  @Mutation()
  async changeServer(
    @Args() { input }: MutationChangeServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeServerResult>> {
    const { id, url, timeoutSeconds, allowPrivateNetwork } = input;
    const wanted = input.headers ? wantedFromApi(input.headers) : undefined;
    if (wanted !== undefined && !Array.isArray(wanted)) return refusalToApi(wanted, "invalid-input");
    const former = await foldStream(this.#plane.database.sql, serverDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("server", id) }, "not-found");
    const settings: Partial<ServerSettings> = {
      ...(typeof url === "string" ? { url } : {}),
      ...(typeof timeoutSeconds === "number" ? { timeoutSeconds } : {}),
      ...(typeof allowPrivateNetwork === "boolean" ? { allowPrivateNetwork } : {}),
    };
    const answer = answerOf("ChangeServerSucceeded");
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name: former.name, headers: wanted, answer },
      command: (headers) => ({ kind: "change", id, settings: { ...settings, ...(headers ? { headers } : {}) } }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.server), position: done.position };
  }

  @Mutation()
  async retireServer(
    @Args() { id }: MutationRetireServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireServerResult>> {
    const former = await foldStream(this.#plane.database.sql, serverDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("server", id) }, "not-found");
    const answer = () => ({ __typename: "RetireServerSucceeded", id }) as const;
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name: former.name, headers: [], answer },
      command: () => ({ kind: "retire", id }),
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }
}
