// Calls to models: a table of their own, because what is asked of them is asked of no other call: tokens, cost, the turn that
// a tool was called by. Refusals at their doors stay with all other refusals, which learn the model. Only additions: a
// version that knows nothing of it keeps such facts as unread, and writes refusals without a model.

import { sqlMigration } from "./migration.ts";

const table = `
CREATE TABLE usage.model_call (
  proxy_id text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  time timestamptz NOT NULL,
  -- NULL where it was not known when the row was written.
  link bytea,
  request_id text NOT NULL,
  key_id text NOT NULL,
  team_id text NOT NULL,
  door text NOT NULL,
  operation text NOT NULL,
  model_asked text NOT NULL,
  provider_id text NOT NULL,
  provider text NOT NULL,
  -- As asked for at the provider, and as its answer says; '' where there was none.
  model text NOT NULL,
  model_served text NOT NULL,
  -- Of the last attempt; '' where none is known of.
  credential text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('answered', 'provider-failed', 'client-closed', 'unknown')),
  -- NULL where no answer came.
  status int,
  attempts int NOT NULL,
  -- Of those before the last: the credential, a space, and what came.
  failed_attempts text[] NOT NULL,
  streamed boolean NOT NULL,
  request_bytes bigint NOT NULL,
  response_bytes bigint NOT NULL,
  first_byte_us bigint NOT NULL,
  total_us bigint NOT NULL,
  -- Each token is in one of these; those of reasoning are in the output as well.
  input_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_5m_tokens bigint NOT NULL,
  cache_write_1h_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  web_searches bigint NOT NULL,
  basis text NOT NULL CHECK (basis IN ('exact', 'estimated', 'none', 'unmetered')),
  -- NULL where no price was known.
  cost_nano_usd bigint,
  price_version text NOT NULL,
  service_tier text NOT NULL,
  stop_reason text NOT NULL,
  tool_use_ids text[] NOT NULL,
  provider_request_id text NOT NULL,
  session_id text NOT NULL,
  agent_id text NOT NULL,
  parent_agent_id text NOT NULL,
  client_name text NOT NULL,
  client_version text NOT NULL,
  -- NULL where the provider did not say.
  requests_limit bigint,
  requests_remaining bigint,
  tokens_limit bigint,
  tokens_remaining bigint,
  PRIMARY KEY (proxy_id, epoch, seq)
);
CREATE INDEX model_call_time ON usage.model_call (time, proxy_id, epoch, seq);
CREATE INDEX model_call_key ON usage.model_call (key_id, time);
CREATE INDEX model_call_team ON usage.model_call (team_id, time);
CREATE INDEX model_call_provider ON usage.model_call (provider, time);
CREATE INDEX model_call_model ON usage.model_call (model, time);
CREATE INDEX model_call_request ON usage.model_call (request_id);
CREATE INDEX model_call_session ON usage.model_call (session_id, time) WHERE session_id <> '';
CREATE INDEX model_call_agent ON usage.model_call (agent_id, time) WHERE agent_id <> '';
-- Sorted in at once: what is not yet would be read by each look, 6 ms for the usual 4 MB, and a page of calls looks 500 times.
CREATE INDEX model_call_tool_use ON usage.model_call USING gin (tool_use_ids)
  WITH (fastupdate = off) WHERE tool_use_ids <> '{}';
`;

// The last statement of its transaction: it waits for whoever reads calls, and nobody shall wait for more than that.
const column = `ALTER TABLE usage.call ADD COLUMN IF NOT EXISTS model text NOT NULL DEFAULT ''`;

export const modelCallsMigration = sqlMigration("ModelCalls", 1796000000015, [table, column]);
