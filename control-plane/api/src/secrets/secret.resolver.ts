// Secrets in the admin API: stored and erased, listed by name and version, and never shown.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes, isName, nameRule } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import type { Secret as SecretResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  EraseSecretResult,
  MutationEraseSecretArgs,
  MutationStoreSecretArgs,
  QuerySecretsArgs,
  Secret,
  SecretConnection,
  StoreSecretResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle, type Within } from "../log/handle.ts";
import { untilNamesHold } from "../log/named.ts";
import { PLANE, type Plane } from "../plane.ts";
import { invalidInput } from "../refusals.ts";
import { readSecretDirectory } from "./secret-directory.ts";
import { secretDecider, type SecretState } from "./secret.decider.ts";
import { secrets } from "./secret.projection.ts";

function secretToApi({ id, name, version }: SecretResource): Secret {
  return { id, name, version };
}

@Resolver()
export class SecretResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  secrets(@Args() { filter, ...args }: QuerySecretsArgs): Promise<SecretConnection> {
    return listResources(this.#plane, secrets, { ...args, ...filter }, secretToApi);
  }

  @Mutation()
  async storeSecret(
    @Args() { input: { name, value } }: MutationStoreSecretArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<StoreSecretResult>> {
    const { database, secretStore, randomBytes } = this.#plane;
    const bytes = Buffer.from(value, "utf8");
    // A name with a `/` is of a secret that is a resource's own, and is not given by hand.
    if (!isName(name)) return refusalToApi(invalidInput("name", `is not a name: ${nameRule}`), "invalid-input");
    if (bytes.length === 0) return refusalToApi(invalidInput("value", "is empty"), "invalid-input");
    if (bytes.length > limits.secretBytesMax)
      return refusalToApi(invalidInput("value", `is longer than ${limits.secretBytesMax} bytes`), "invalid-input");
    const answer = (state: SecretState | undefined) =>
      ({ __typename: "StoreSecretSucceeded", secret: secretToApi(existing(state?.secret)) }) as const;
    const done = await untilNamesHold(async () => {
      const known = await readSecretDirectory(database.sql, secretStore, { names: [name], ofOwners: [] });
      const id = known.get(name)?.id ?? idFromBytes(randomBytes(idBytes));
      const step = { decider: secretDecider, id, command: { kind: "store", id, name } } as const;
      return handle(database, step, metaOf(context, this.#plane), {
        within: (sql, state) => secretStore.put(sql, id, existing(state).version, bytes),
        answer,
      });
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async eraseSecret(
    @Args() { id }: MutationEraseSecretArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<EraseSecretResult>> {
    const { database, secretStore } = this.#plane;
    const step = { decider: secretDecider, id, command: { kind: "erase", id } } as const;
    const answer = () => ({ __typename: "EraseSecretSucceeded", id }) as const;
    const within: Within = (sql) => secretStore.erase(sql, id);
    const done = await handle(database, step, metaOf(context, this.#plane), { within, answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }
}
