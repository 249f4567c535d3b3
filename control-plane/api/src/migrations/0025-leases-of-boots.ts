// Whose a lease is, to the boot: two machines with copies of one disk may use one epoch. Only an addition: what a version writes
// that knows nothing of it is anybody's who has the proxy's id, as before.

import { sqlMigration } from "./migration.ts";

const tables = `
ALTER TABLE ledger.lease ADD COLUMN boot text COLLATE "C" NOT NULL DEFAULT '';
`;

export const leasesOfBootsMigration = sqlMigration("LeasesOfBoots", 1796000000025, [tables]);
