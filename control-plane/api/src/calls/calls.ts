// Calls out of the usage store, newest first, page by page. A page is a keyset read along the index of time, so its cost
// does not grow with its depth, and facts that arrive late show up where they belong, in no page twice.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";
import { schemaOf } from "../projections/projection.ts";
import { keys } from "../keys/key.projection.ts";

export type CallRow = {
  proxyId: string;
  epoch: bigint;
  seq: bigint;
  time: Date;
  requestId: string;
  keyId: string;
  teamId: string;
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
};

export type CallWish = {
  keyName?: string | undefined;
  keyId?: string | undefined;
  teamId?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  outcome?: string | undefined;
  requestId?: string | undefined;
  method?: string | undefined;
  toolUseId?: string | undefined;
  sessionId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
};

const conditions = {
  keyName: (at: string) => `key_id IN (SELECT id FROM ${schemaOf(keys.projection)}.resource WHERE name = ${at})`,
  keyId: (at: string) => `key_id = ${at}`,
  teamId: (at: string) => `team_id = ${at}`,
  server: (at: string) => `server = ${at}`,
  tool: (at: string) => `tool = ${at}`,
  outcome: (at: string) => `outcome = ${at}`,
  requestId: (at: string) => `request_id = ${at}`,
  method: (at: string) => `method = ${at}`,
  // As their indexes have it; "" is what many calls have in common because nothing was said.
  toolUseId: (at: string) => `tool_use_id = ${at} AND tool_use_id <> ''`,
  sessionId: (at: string) => `session_id = ${at} AND session_id <> ''`,
  from: (at: string) => `time >= ${at}`,
  to: (at: string) => `time < ${at}`,
} satisfies Record<keyof CallWish, (at: string) => string>;

const columns = `proxy_id AS "proxyId", epoch, seq, time, request_id AS "requestId", key_id AS "keyId",
  team_id AS "teamId", server_id AS "serverId", server, tool, door, outcome, code, upstream_status AS "upstreamStatus",
  request_bytes AS "requestBytes", response_bytes AS "responseBytes", first_byte_us AS "firstByteUs",
  total_us AS "totalUs", count, method, client_era AS "clientEra", server_era AS "serverEra",
  tool_use_id AS "toolUseId", session_id AS "sessionId", client_name AS "clientName", client_version AS "clientVersion"`;

export function cursorOf({ time, proxyId, epoch, seq }: CallRow): readonly string[] {
  return [time.toISOString(), proxyId, epoch.toString(), seq.toString()];
}

/** One row more than the page takes, where there is one. */
export async function readCalls(sql: Sql, wish: CallWish, page: Page): Promise<CallRow[]> {
  const values: unknown[] = [];
  const at = (value: unknown): string => `$${values.push(value)}`;
  const where = Object.entries(conditions).flatMap(([name, condition]) => {
    const value = wishedOf(wish, name);
    return value === undefined ? [] : [condition(at(value))];
  });
  if (page.after) {
    const [time = "", proxyId = "", epoch = "", seq = ""] = page.after;
    if (Number.isNaN(Date.parse(time)) || !isCount(epoch) || !isCount(seq))
      throw new TollgateError("request.invalid", "`after` is not a cursor of this list.");
    where.push(
      `(time, proxy_id, epoch, seq) < (${at(time)}::timestamptz, ${at(proxyId)}, ${at(epoch)}::bigint, ${at(seq)}::bigint)`,
    );
  }
  return sql.query<CallRow>(
    `SELECT ${columns} FROM usage.call ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}
     ORDER BY time DESC, proxy_id DESC, epoch DESC, seq DESC LIMIT ${at(page.take + 1)}`,
    values,
  );
}

function wishedOf(wish: Readonly<Record<string, unknown>>, name: string): unknown {
  return wish[name];
}

function isCount(text: string): boolean {
  return /^\d{1,18}$/.test(text);
}
