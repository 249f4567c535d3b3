// Until when a ledger that came back from a backup knows what was lent: who has forgotten since what a backup lacks cannot restate
// it. Only an addition: a version that knows nothing of it leaves it empty, and then nobody relies on it.

import { sqlMigration } from "./migration.ts";

const tables = `
-- By the database's clock, of the present incarnation.
ALTER TABLE ledger.state ADD COLUMN known_until timestamptz;
`;

export const knownUntilMigration = sqlMigration("KnownUntil", 1796000000024, [tables]);
