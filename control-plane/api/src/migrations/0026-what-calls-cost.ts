// What calls to servers cost, and which accounts of the ledger they held of. Only additions: a version that knows nothing of them
// writes rows without. The statements stand alone, as those of 0013 do and for the same reasons.

import { sqlMigration } from "./migration.ts";

const columns = `
ALTER TABLE usage.call
  -- NULL where no price was known, and for calls from before there was the column.
  ADD COLUMN IF NOT EXISTS cost_nano_usd bigint,
  ADD COLUMN IF NOT EXISTS accounts text[] NOT NULL DEFAULT '{}'`;

export const whatCallsCostMigration = sqlMigration(
  "WhatCallsCost",
  1796000000026,
  [
    columns,
    // Most tools are free, and whoever adds up what was spent shall not read their calls.
    "CREATE INDEX IF NOT EXISTS call_cost ON usage.call (time) WHERE cost_nano_usd > 0",
  ],
  { transaction: false },
);
