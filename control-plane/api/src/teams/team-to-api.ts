// A team's resource as the API shows it: as itself, and as the team of a key.

import type { Team as TeamResource } from "@tollgate/schema/resources";
import type { Team } from "../gen/graphql.ts";

export function teamToApi({ id, name }: TeamResource): Team {
  return { id, name };
}
