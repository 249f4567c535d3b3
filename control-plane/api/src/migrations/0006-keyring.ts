// Keys that the control plane makes, sealed with the master key, and how many epochs each proxy was given.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA keyring;

CREATE TABLE keyring.shared_key (
  purpose text COLLATE "C" NOT NULL,
  id integer NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed bytea NOT NULL,
  use_from timestamptz NOT NULL,
  PRIMARY KEY (purpose, id)
);

CREATE TABLE keyring.secret (
  name text COLLATE "C" PRIMARY KEY,
  wrapped_key bytea NOT NULL,
  sealed bytea NOT NULL
);

-- The last epoch that a proxy was given; each is given once.
CREATE TABLE usage.epoch_given (
  proxy_id text COLLATE "C" PRIMARY KEY,
  last bigint NOT NULL
);
`;

export const keyringMigration = sqlMigration("Keyring", 1796000000006, [tables]);
