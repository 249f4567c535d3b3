// What proxies saw of the servers behind them. It is told, not decided, so it is no part of the log and cannot be rebuilt from
// it: it comes again with the proxies' next reports, but for since when something has been there. Only additions.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA catalogue;

-- What each proxy last said of each server; overwritten.
CREATE TABLE catalogue.health (
  server_id text COLLATE "C" NOT NULL,
  proxy_id text COLLATE "C" NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  since timestamptz NOT NULL,
  era text NOT NULL,
  protocol_version text NOT NULL,
  reported_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (server_id, proxy_id)
);

-- The latest listing of each server, and the lock under which its entries are changed.
CREATE TABLE catalogue.listing (
  server_id text COLLATE "C" PRIMARY KEY,
  listed_at timestamptz NOT NULL,
  listed_by text NOT NULL,
  -- When a listing last said something else than the one before it.
  changed_at timestamptz NOT NULL,
  era text NOT NULL,
  protocol_version text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  instructions text NOT NULL
);

CREATE TABLE catalogue.entry (
  server_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  sha256 bytea NOT NULL,
  first_seen timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  -- Before the last change.
  previous bytea,
  -- It was there and is not any more: what comes back changed is known to have changed.
  gone_at timestamptz,
  PRIMARY KEY (server_id, kind, name)
);
CREATE INDEX entry_sha256 ON catalogue.entry (sha256);
CREATE INDEX entry_previous ON catalogue.entry (previous) WHERE previous IS NOT NULL;

-- By the hash of its canonical text; the text is as the server sent it.
CREATE TABLE catalogue.definition (
  sha256 bytea PRIMARY KEY,
  text text NOT NULL,
  -- Where it holds characters that people do not see.
  hidden jsonb NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now()
);
`;

export const catalogueMigration = sqlMigration("Catalogue", 1796000000012, [tables]);
