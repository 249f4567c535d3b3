// Calls to servers, and refusals at every door, out of the usage store: which there are for a wish, and which say that they are
// a certain use of a tool.

import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";
import { schemaOf } from "../projections/projection.ts";
import { keys } from "../keys/key.projection.ts";
import { accountColumns, accountConditions, type AccountRow, type AccountWish } from "./accounts.ts";
import { readFactPage, type Conditions, type FactPlace, type FactTable } from "./fact-page.ts";

export type CallRow = FactPlace &
  AccountRow & {
    requestId: string;
    serverId: string;
    server: string;
    tool: string;
    door: string;
    outcome: string;
    code: string;
    upstreamStatus: number | null;
    requestBytes: bigint | null;
    responseBytes: bigint | null;
    firstByteUs: bigint | null;
    totalUs: bigint | null;
    count: bigint;
    method: string;
    clientEra: string;
    serverEra: string;
    toolUseId: string;
    sessionId: string;
    clientName: string;
    clientVersion: string;
    model: string;
    costNanoUsd: bigint | null;
    policyId: string;
    decisionId: string;
  };

export type CallWish = AccountWish & {
  keyName?: string | undefined;
  keyId?: string | undefined;
  teamId?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  door?: string | undefined;
  model?: string | undefined;
  outcome?: string | undefined;
  requestId?: string | undefined;
  method?: string | undefined;
  toolUseId?: string | undefined;
  sessionId?: string | undefined;
  decisionId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
};

/** Also of keys that are revoked. */
export function isOfKeyNamed(at: string): string {
  return `key_id IN (SELECT id FROM ${schemaOf(keys.projection)}.resource WHERE name = ${at})`;
}

export const callConditions: Conditions<CallWish> = {
  keyName: isOfKeyNamed,
  keyId: (at) => `key_id = ${at}`,
  teamId: (at) => `team_id = ${at}`,
  ...accountConditions,
  server: (at) => `server = ${at}`,
  tool: (at) => `tool = ${at}`,
  door: (at) => `door = ${at}`,
  model: (at) => `model = ${at}`,
  outcome: (at) => `outcome = ${at}`,
  requestId: (at) => `request_id = ${at}`,
  method: (at) => `method = ${at}`,
  // As their indexes have it; "" is what many calls have in common because nothing was said.
  toolUseId: (at) => `tool_use_id = ${at} AND tool_use_id <> ''`,
  sessionId: (at) => `session_id = ${at} AND session_id <> ''`,
  decisionId: (at) => `decision_id = ${at} AND decision_id <> ''`,
  from: (at) => `time >= ${at}`,
  to: (at) => `time < ${at}`,
};

const columns = `proxy_id AS "proxyId", epoch, seq, time, request_id AS "requestId", ${accountColumns}, server_id AS "serverId", server, tool, door, outcome, code, upstream_status AS "upstreamStatus",
  request_bytes AS "requestBytes", response_bytes AS "responseBytes", first_byte_us AS "firstByteUs",
  total_us AS "totalUs", count, method, client_era AS "clientEra", server_era AS "serverEra",
  tool_use_id AS "toolUseId", session_id AS "sessionId", client_name AS "clientName", client_version AS "clientVersion", model, cost_nano_usd AS "costNanoUsd",
  policy_id AS "policyId", decision_id AS "decisionId"`;

const table: FactTable<CallWish> = { name: "usage.call", columns, conditions: callConditions };

export function readCalls(sql: Sql, wish: CallWish, page: Page): Promise<CallRow[]> {
  return readFactPage<CallRow, CallWish>(sql, table, wish, page);
}

/** A use of a tool is a name that a client says, so one of another team is another. */
export type ToolUse = { readonly teamId: string; readonly toolUseId: string };

/** Who says the same of every call cannot make an answer of them all. */
const callsPerToolUseMax = 20;

/** For each use, in its order, the calls that say it: the oldest first. */
export async function readCallsOf(sql: Sql, uses: readonly ToolUse[]): Promise<CallRow[][]> {
  const rows = await sql.query<CallRow & { nth: bigint }>(
    `SELECT asked.nth, found.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (team, use, nth)
     CROSS JOIN LATERAL (
       SELECT ${columns} FROM usage.call
       WHERE tool_use_id = asked.use AND tool_use_id <> '' AND team_id = asked.team
       ORDER BY time, proxy_id, epoch, seq LIMIT $3
     ) AS found ORDER BY asked.nth, found.time, found."proxyId", found.epoch, found.seq`,
    [uses.map(({ teamId }) => teamId), uses.map(({ toolUseId }) => toolUseId), callsPerToolUseMax],
  );
  const found = uses.map((): CallRow[] => []);
  for (const { nth, ...row } of rows) found[Number(nth) - 1]?.push(row);
  return found;
}
