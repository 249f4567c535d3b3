// The control plane's certificate authority, and which boot of each proxy has its id. The latter is overwritten all the
// time and worth nothing after some seconds, so it does without the write-ahead log.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE TABLE keyring.authority (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  certificate bytea NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed bytea NOT NULL
);

CREATE UNLOGGED TABLE fleet.holder (
  proxy_id text COLLATE "C" PRIMARY KEY,
  boot text COLLATE "C" NOT NULL,
  heard_at timestamptz NOT NULL,
  -- When another boot last wanted the id while this one was heard of.
  contested_at timestamptz
);
`;

export const enrolmentMigration = sqlMigration("Enrolment", 1796000000007, [tables]);
