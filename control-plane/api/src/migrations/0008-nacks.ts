// What a proxy refuses and what it can enforce, beside the rest of its last report.

import { sqlMigration } from "./migration.ts";

const columns = `
ALTER TABLE fleet.proxy
  -- The first of them; all are counted.
  ADD COLUMN nacks jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN nack_count bigint NOT NULL DEFAULT 0,
  -- Null of a proxy that does not say.
  ADD COLUMN knows jsonb;
`;

export const nacksMigration = sqlMigration("Nacks", 1796000000008, [columns]);
