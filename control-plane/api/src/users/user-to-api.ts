// A user's resource as the API shows it: as itself, and as the user of a key.

import type { User as UserResource } from "@tollgate/schema/resources";
import type { User } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";

export function userToApi({ id, name, customerId, tools, toolGroupIds, models }: UserResource): Resolved<User> {
  return { id, name, customerId: customerId === "" ? null : customerId, tools, toolGroupIds, models };
}
