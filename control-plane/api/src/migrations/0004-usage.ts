// The usage store: what happened in calls, and how far each proxy's facts have arrived. A row of `usage.call` is known by
// (proxy, epoch, seq); `usage.cursor` has one row for each epoch and is the lock under which its facts are taken in. Calls
// are neither partitioned by time nor deleted yet.
import { sqlMigration } from "./migration.ts";

const tables = `
CREATE SCHEMA usage;

-- Everything of the epoch up to "stored" is in the tables below; "seen" beyond it is a hole that the proxy will fill.
CREATE TABLE usage.cursor (
  proxy_id text NOT NULL,
  epoch bigint NOT NULL,
  stored bigint NOT NULL DEFAULT 0,
  seen bigint NOT NULL DEFAULT 0,
  created timestamptz NOT NULL DEFAULT now(),
  updated timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (proxy_id, epoch),
  CHECK (seen >= stored)
);

-- One row a finished or refused call. What a refusal does not have (a server that nobody resolved, say) is '' or NULL.
CREATE TABLE usage.call (
  proxy_id text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  time timestamptz NOT NULL,
  request_id text NOT NULL,
  key_id text NOT NULL,
  team_id text NOT NULL,
  server_id text NOT NULL,
  server text NOT NULL,
  tool text NOT NULL,
  door text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('answered', 'upstream-failed', 'client-closed', 'refused')),
  code text NOT NULL,
  upstream_status int,
  request_bytes bigint,
  response_bytes bigint,
  first_byte_us bigint,
  total_us bigint,
  PRIMARY KEY (proxy_id, epoch, seq)
);
CREATE INDEX call_time ON usage.call (time, proxy_id, epoch, seq);
CREATE INDEX call_key ON usage.call (key_id, time);
CREATE INDEX call_team ON usage.call (team_id, time);
CREATE INDEX call_server ON usage.call (server, time);
CREATE INDEX call_tool ON usage.call (tool, time);
CREATE INDEX call_request ON usage.call (request_id);

-- The facts from "seq" to "last_seq" will never come.
CREATE TABLE usage.lost (
  proxy_id text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  time timestamptz NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (proxy_id, epoch, seq),
  CHECK (last_seq >= seq)
);

-- Facts of a kind that this version does not know, kept as they came: proxies are rolled before the control plane.
CREATE TABLE usage.unread (
  proxy_id text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  fact bytea NOT NULL,
  PRIMARY KEY (proxy_id, epoch, seq)
);

-- Where the Kafka consumer goes on. It is written with the facts, so it can never be ahead of them.
CREATE TABLE usage.consumed (
  topic text NOT NULL,
  partition int NOT NULL,
  next bigint NOT NULL,
  PRIMARY KEY (topic, partition)
);

-- Records of the topic that are no facts: the newest thousand, the beginning of each.
CREATE TABLE usage.rejected (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time timestamptz NOT NULL DEFAULT now(),
  topic text NOT NULL,
  partition int NOT NULL,
  position bigint NOT NULL,
  bytes bigint NOT NULL,
  reason text NOT NULL,
  head bytea NOT NULL
);
`;

export const usageMigration = sqlMigration("Usage", 1796000000004, [tables]);
