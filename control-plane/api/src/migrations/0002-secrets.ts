// The values of secrets: one encrypted row each, of the newest version, written in the same transaction as the event that
// announces it. Erasing deletes the row; the log never held the value.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA secret;
CREATE TABLE secret.value (
  id text COLLATE "C" PRIMARY KEY,
  version integer NOT NULL CHECK (version > 0),
  -- The row's data key, encrypted with the master key; the value, encrypted with the data key.
  wrapped_key bytea NOT NULL,
  sealed bytea NOT NULL
);
`;

export const secretsMigration = sqlMigration("Secrets", 1796000000002, [tables]);
