// What a policy said of a call that it refused, so that whoever was told a decision's id can ask for it. Only additions: a version
// that knows nothing of them writes rows without. The statements stand alone, as those of 0013 do and for the same reasons.

import { sqlMigration } from "./migration.ts";

const columns = `
ALTER TABLE usage.call
  -- '' where no policy refused, and for facts of former proxies.
  ADD COLUMN IF NOT EXISTS policy_id text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS decision_id text NOT NULL DEFAULT ''`;

export const decisionsMigration = sqlMigration(
  "Decisions",
  1796000000027,
  [columns, "CREATE INDEX IF NOT EXISTS call_decision ON usage.call (decision_id) WHERE decision_id <> ''"],
  { transaction: false },
);
