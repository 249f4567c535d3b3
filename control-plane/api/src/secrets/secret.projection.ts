// Secrets for screens: names and versions. There is no value to show.

import { SecretSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const secrets = resourceKind("secret", SecretSchema, {
  name: "secrets",
  version: 1,
  tables: resourceTables,
  on: {
    SecretStored: ({ secret }) => stored(SecretSchema, secret),
    SecretErased: ({ secret }) => stored(SecretSchema, secret, { isLive: false }),
  },
});
