// Teams for screens. Retired ones leave the list and stay readable by id.

import { TeamSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const teams = resourceKind("team", TeamSchema, {
  name: "teams",
  version: 1,
  tables: resourceTables,
  on: {
    TeamCreated: ({ team }) => stored(TeamSchema, team),
    TeamChanged: ({ team }) => stored(TeamSchema, team),
    TeamRetired: ({ team }) => stored(TeamSchema, team, { isLive: false }),
  },
});
