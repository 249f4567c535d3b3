// To whose account calls go beside their key and team: the user's, the customer's, and what they were marked with. Only
// additions: a version that knows nothing of them writes rows without. The statements stand alone, as those of 0013 do and
// for the same reasons; the indexes hold nothing of the calls that have no such account.

import { sqlMigration } from "./migration.ts";

const columns = (table: string): string => `
ALTER TABLE ${table}
  -- '' where there is none, and for facts of former proxies.
  ADD COLUMN IF NOT EXISTS user_id text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS customer_id text NOT NULL DEFAULT '',
  -- Each as 'project=apollo'.
  ADD COLUMN IF NOT EXISTS labels text[] NOT NULL DEFAULT '{}'`;

const indexes = (table: string, name: string): string[] => [
  `CREATE INDEX IF NOT EXISTS ${name}_user ON ${table} (user_id, time) WHERE user_id <> ''`,
  `CREATE INDEX IF NOT EXISTS ${name}_customer ON ${table} (customer_id, time) WHERE customer_id <> ''`,
  // Sorted in at once, as the uses of tools are.
  `CREATE INDEX IF NOT EXISTS ${name}_labels ON ${table} USING gin (labels) WITH (fastupdate = off) WHERE labels <> '{}'`,
];

export const attributionMigration = sqlMigration(
  "Attribution",
  1796000000016,
  [
    columns("usage.call"),
    columns("usage.model_call"),
    ...indexes("usage.call", "call"),
    ...indexes("usage.model_call", "model_call"),
  ],
  { transaction: false },
);
