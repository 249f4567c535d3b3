// The ledger: accounts, what is lent of them and to whom, and a journal from which every balance can be worked out again.
// Balances are facts of this one database; what they mean, and who may change them how, is in the kernel's `lending`.

import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA ledger;

CREATE TABLE ledger.account (
  account text COLLATE "C" PRIMARY KEY,
  -- budget/<id>, exposure/<id> or limit/<id>
  subject text COLLATE "C" NOT NULL,
  -- Of a budget: whose calls are charged to it, "key/<id>" or "label/<name>=<value>".
  scope text COLLATE "C" NOT NULL DEFAULT '',
  kind text NOT NULL CHECK (kind IN ('money', 'slots', 'window')),
  begins_at timestamptz,
  ends_at timestamptz,
  window_ms bigint NOT NULL,
  limit_amount bigint NOT NULL,
  ended bigint NOT NULL,
  unreserved bigint NOT NULL,
  counted bigint NOT NULL,
  settled bigint NOT NULL,
  holders int NOT NULL,
  -- Of a window: when it comes back, in milliseconds, and how much, the earliest first.
  returning_at bigint[] NOT NULL,
  returning_amount bigint[] NOT NULL,
  short_until_ms bigint NOT NULL
);
CREATE INDEX account_subject ON ledger.account (subject, ends_at);
CREATE INDEX account_scope ON ledger.account (scope, ends_at) WHERE scope <> '';

CREATE TABLE ledger.lease (
  proxy_id text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  lease int NOT NULL,
  account text COLLATE "C" NOT NULL REFERENCES ledger.account,
  revision bigint NOT NULL,
  settled bigint NOT NULL,
  open bigint NOT NULL,
  unspent bigint NOT NULL,
  draws int NOT NULL,
  last_draw int NOT NULL,
  last_grant bigint NOT NULL,
  is_closed boolean NOT NULL,
  PRIMARY KEY (proxy_id, epoch, lease)
);
CREATE INDEX lease_open ON ledger.lease (account) WHERE NOT is_closed;
CREATE INDEX lease_holder ON ledger.lease (proxy_id, epoch) WHERE NOT is_closed;

-- Never changed and never deleted. "lease" is '' where an entry is of the account as a whole.
CREATE TABLE ledger.journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  account text COLLATE "C" NOT NULL,
  lease text COLLATE "C" NOT NULL,
  what text NOT NULL,
  revision bigint NOT NULL,
  settled bigint NOT NULL,
  open bigint NOT NULL,
  unspent bigint NOT NULL,
  amount bigint NOT NULL,
  -- Who wrote off, and why.
  reason text NOT NULL
);
CREATE INDEX journal_account ON ledger.journal (account, id);

CREATE TABLE ledger.state (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  incarnation int NOT NULL,
  -- Since a restore, until everybody has restated what was lent to him.
  is_frozen boolean NOT NULL
);

-- Who has said, in an incarnation, that he has restated all that was lent to him, or was written off.
CREATE TABLE ledger.restated (
  proxy_id text COLLATE "C" NOT NULL,
  incarnation int NOT NULL,
  PRIMARY KEY (proxy_id, incarnation)
);
`;

// The last statement of its transaction: it waits for whoever reads calls.
const column = `ALTER TABLE usage.model_call ADD COLUMN IF NOT EXISTS accounts text[] NOT NULL DEFAULT '{}'`;

export const ledgerMigration = sqlMigration("Ledger", 1796000000020, [tables, column]);
