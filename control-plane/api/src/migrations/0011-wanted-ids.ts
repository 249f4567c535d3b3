// That somebody wants an id which another boot had a moment ago, which is a restart as long as that one stays silent. Only an
// addition: a version that knows nothing of it takes every such wish for a copied disk, as before.

import { sqlMigration } from "./migration.ts";

const tables = `
-- Since the holder was last heard of.
ALTER TABLE fleet.holder ADD COLUMN wanted_at timestamptz;
`;

export const wantedIdsMigration = sqlMigration("WantedIds", 1796000000011, [tables]);
