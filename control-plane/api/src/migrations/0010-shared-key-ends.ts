// Shared keys that end before their time, because somebody has them who must not any more. Only an addition: a version that
// knows nothing of it goes on accepting such a key for the rest of a rotation.

import { sqlMigration } from "./migration.ts";

const tables = `
-- NULL: one rotation after the next key has come into use.
ALTER TABLE keyring.shared_key ADD COLUMN ends_at timestamptz;
`;

export const sharedKeyEndsMigration = sqlMigration("SharedKeyEnds", 1796000000010, [tables]);
