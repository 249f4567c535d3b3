// Answers of mutations that carried an idempotency key, so that one which is sent again is answered and not done again. A
// row is written by the statement that appends, and deleted a day later. It says nothing that its caller was told once.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA api;

CREATE TABLE api.answer (
  -- The caller and his key, hashed.
  claim bytea CONSTRAINT answer_claim PRIMARY KEY,
  -- Of the mutation and its arguments, which may hold secrets: keyed, so that nobody can try values against it.
  fingerprint bytea NOT NULL,
  answer text NOT NULL,
  position bigint NOT NULL,
  kept_until timestamptz NOT NULL
);
CREATE INDEX answer_kept_until ON api.answer (kept_until);
`;

export const answersMigration = sqlMigration("Answers", 1796000000005, [tables]);
