// Facts that are signed and chained, refusals that are counted together, calls that nobody knows the outcome of, and what
// proxies say they counted. Only additions: a version that knows nothing of it goes on writing beside one that does, and an
// epoch whose chain it broke is taken up again by the next batch.

import { sqlMigration } from "./migration.ts";

const tables = `
-- The link of the fact at "stored"; NULL where the chain begins anew, after a loss say.
ALTER TABLE usage.cursor ADD COLUMN link bytea;

ALTER TABLE usage.call ADD COLUMN link bytea;
-- More than one for refusals that a proxy counted together.
ALTER TABLE usage.call ADD COLUMN count bigint NOT NULL DEFAULT 1;
ALTER TABLE usage.call DROP CONSTRAINT call_outcome_check;
ALTER TABLE usage.call ADD CONSTRAINT call_outcome_check
  CHECK (outcome IN ('answered', 'upstream-failed', 'client-closed', 'unknown', 'refused'));
ALTER TABLE usage.unread ADD COLUMN link bytea;

-- What a proxy said of an epoch, whatever has arrived of it: how large a tail is that never came.
CREATE TABLE usage.epoch_count (
  proxy_id text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  calls bigint NOT NULL,
  refusals bigint NOT NULL,
  open bigint NOT NULL,
  heard timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (proxy_id, epoch)
);
`;

export const factChainMigration = sqlMigration("FactChain", 1796000000009, [tables]);
