// What each proxy last said of itself, and how far the relay has come. Neither is an event: both are overwritten all the
// time and worth nothing after a while, so the fleet's table does without the write-ahead log.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA fleet;
CREATE UNLOGGED TABLE fleet.proxy (
  proxy_id text COLLATE "C" PRIMARY KEY,
  environment text NOT NULL,
  region text NOT NULL,
  software text NOT NULL,
  source text NOT NULL,
  log_id text NOT NULL,
  log_incarnation integer NOT NULL,
  applied bigint NOT NULL,
  age_ms bigint,
  digests jsonb NOT NULL,
  workers integer NOT NULL,
  reported_at timestamptz NOT NULL
);

CREATE SCHEMA relay;
-- Written after the brokers acknowledged: a relay that died repeats some positions, and skips none.
CREATE TABLE relay.checkpoint (
  topic text COLLATE "C" PRIMARY KEY,
  position bigint NOT NULL
);
`;

export const fleetMigration = sqlMigration("Fleet", 1796000000003, [tables]);
