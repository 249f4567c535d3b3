// Users for screens, by name and by customer. Retired ones leave the list and stay readable by id.

import { UserSchema, type User } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";
import type { Statement } from "../projections/projection.ts";

function userStored({ user }: { user?: User | undefined }, isLive = true): Statement {
  return stored(UserSchema, user, { isLive, parentId: user?.customerId ?? "" });
}

export const users = resourceKind("user", UserSchema, {
  name: "users",
  version: 1,
  tables: resourceTables,
  on: {
    UserCreated: (event) => userStored(event),
    UserChanged: (event) => userStored(event),
    UserRetired: (event) => userStored(event, false),
  },
});
