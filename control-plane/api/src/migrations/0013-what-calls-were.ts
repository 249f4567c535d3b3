// What a call was, and whose: its method, the eras that both sides spoke, and what the client says of itself and of the work
// that it belongs to; and calls in the middle of which the client was asked. Only additions: a version that knows nothing of
// them writes rows without. The statements stand alone so that none holds the table's lock for another's scan: the first
// takes a moment, calls are read all the time, and facts wait in their spools while the indexes are made. Not concurrently,
// because that waits for every snapshot that is older, such as that of a process which waits for its turn to migrate.

import { sqlMigration } from "./migration.ts";

const columns = `
ALTER TABLE usage.call
  -- '' for refusals, for facts of former proxies, and for what the client did not say.
  ADD COLUMN IF NOT EXISTS method text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS client_era text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS server_era text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS tool_use_id text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS session_id text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS client_name text NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS client_version text NOT NULL DEFAULT '',
  DROP CONSTRAINT IF EXISTS call_outcome_check,
  ADD CONSTRAINT call_outcome_check CHECK (
    outcome IN ('answered', 'upstream-failed', 'client-closed', 'unknown', 'input-required', 'refused')
  ) NOT VALID;
`;

export const whatCallsWereMigration = sqlMigration(
  "WhatCallsWere",
  1796000000013,
  [
    columns,
    "ALTER TABLE usage.call VALIDATE CONSTRAINT call_outcome_check",
    "CREATE INDEX IF NOT EXISTS call_tool_use ON usage.call (tool_use_id) WHERE tool_use_id <> ''",
    "CREATE INDEX IF NOT EXISTS call_session ON usage.call (session_id, time) WHERE session_id <> ''",
  ],
  { transaction: false },
);
