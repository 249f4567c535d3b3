// Write-offs for screens, by the time of each. They stay for good.

import { WriteOffSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

/** As many digits as times have until the year 2286, so that texts sort as times do. */
const timeDigits = 13;

export const writeOffs = resourceKind("write-off", WriteOffSchema, {
  name: "write_offs",
  version: 1,
  tables: resourceTables,
  on: {
    LeasesWrittenOff({ writeOff }) {
      const named = writeOff && { ...writeOff, name: String(writeOff.atMs).padStart(timeDigits, "0") };
      return stored(WriteOffSchema, named, { parentId: writeOff?.proxyId ?? "" });
    },
  },
});
