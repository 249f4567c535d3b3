// Keys for screens, by name and by team. Revoked ones are listed on demand.

import { KeySchema, type Key } from "@tollgate/schema/resources";
import type { Statement } from "../projections/projection.ts";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

function keyStored({ key }: { key?: Key | undefined }, isLive = true): Statement {
  return stored(KeySchema, key, { isLive, parentId: key?.teamId ?? "" });
}

export const keys = resourceKind("key", KeySchema, {
  name: "keys",
  version: 1,
  tables: resourceTables,
  on: {
    KeyIssued: (event) => keyStored(event),
    KeyChanged: (event) => keyStored(event),
    KeyRotated: (event) => keyStored(event),
    KeyRevoked: (event) => keyStored(event, false),
  },
});
