// A team's resource as the API shows it: as itself, and as the team of a key.

import type { Team as TeamResource } from "@tollgate/schema/resources";
import type { Team } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";

export function teamToApi({ id, name, customerId, tools, toolGroupIds, models }: TeamResource): Resolved<Team> {
  return { id, name, customerId: customerId === "" ? null : customerId, tools, toolGroupIds, models };
}
