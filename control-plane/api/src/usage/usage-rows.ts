// Facts as rows: one multi-row INSERT for each table, whatever the batch's size. The columns are those that `calls` is
// filtered by; what they mean is said in the migration.
import { toBinary } from "@bufbuild/protobuf";
import { assertNever } from "@tollgate/kernel/decider";
import { Era } from "@tollgate/schema/resources";
import { FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";
import type { CallRefused, ToolCallCompleted } from "@tollgate/schema/usage";
import type { Sql } from "../database.ts";
import { int8Max } from "./batch.ts";
import type { FactSpans, Span } from "./batch.ts";

type Cell = string | bigint | number | Uint8Array | null;
type Table = { readonly name: string; readonly columns: Readonly<Record<string, string>> };

const place = { proxy_id: "text", epoch: "bigint", seq: "bigint" };
const call = {
  name: "usage.call",
  columns: {
    ...place,
    time: "timestamptz",
    request_id: "text",
    key_id: "text",
    team_id: "text",
    server_id: "text",
    server: "text",
    tool: "text",
    door: "text",
    outcome: "text",
    code: "text",
    upstream_status: "int",
    request_bytes: "bigint",
    response_bytes: "bigint",
    first_byte_us: "bigint",
    total_us: "bigint",
    count: "bigint",
    link: "bytea",
    method: "text",
    client_era: "text",
    server_era: "text",
    tool_use_id: "text",
    session_id: "text",
    client_name: "text",
    client_version: "text",
  },
} as const satisfies Table;
const lost = {
  name: "usage.lost",
  columns: { ...place, last_seq: "bigint", time: "timestamptz", reason: "text" },
} as const satisfies Table;
const unread = { name: "usage.unread", columns: { ...place, fact: "bytea", link: "bytea" } } as const satisfies Table;

type Row<T extends Table> = Readonly<Record<keyof T["columns"], Cell>>;

const outcomes = {
  [ToolCallOutcome.ANSWERED]: "answered",
  [ToolCallOutcome.UPSTREAM_FAILED]: "upstream-failed",
  [ToolCallOutcome.CLIENT_CLOSED]: "client-closed",
  [ToolCallOutcome.UNKNOWN]: "unknown",
  [ToolCallOutcome.INPUT_REQUIRED]: "input-required",
} as const satisfies Record<Exclude<ToolCallOutcome, ToolCallOutcome.UNSPECIFIED>, string>;

const eras = {
  [Era.UNSPECIFIED]: "",
  [Era.LEGACY]: "legacy",
  [Era.MODERN]: "modern",
} as const satisfies Record<Era, string>;

/** A bound on what a proxy of another version may send; ours cuts shorter. */
const textCharsMax = 512;

export async function insertSpans(sql: Sql, { proxyId, epoch }: FactSpans, spans: readonly Span[]): Promise<void> {
  const calls: Row<typeof call>[] = [];
  const losses: Row<typeof lost>[] = [];
  const unknown: Row<typeof unread>[] = [];
  for (const { first, last, fact, link = null } of spans) {
    const at = { proxy_id: proxyId, epoch, seq: first };
    const time = new Date(Number(fact.timeMs)).toISOString();
    const { kind } = fact;
    switch (kind.case) {
      case "toolCallCompleted":
        calls.push({ ...at, time, link, request_id: text(fact.requestId), ...completed(kind.value) });
        break;
      case "callRefused":
        calls.push({ ...at, time, link, request_id: text(fact.requestId), ...refused({ ...kind.value, count: 1n }) });
        break;
      case "callsRefused":
        calls.push({ ...at, time, link, request_id: "", ...refused({ ...kind.value, server: "", tool: "" }) });
        break;
      case "usageLost":
        losses.push({ ...at, last_seq: last, time, reason: text(kind.value.reason) });
        break;
      case "modelCallCompleted":
      case undefined:
        unknown.push({ ...at, link, fact: toBinary(FactSchema, fact) });
        break;
      default:
        assertNever(kind);
    }
  }
  await insert(sql, call, calls);
  await insert(sql, lost, losses);
  await insert(sql, unread, unknown);
}

type AboutCall = Omit<Row<typeof call>, keyof typeof place | "time" | "request_id" | "link">;

function completed(value: ToolCallCompleted): AboutCall {
  return {
    key_id: text(value.keyId),
    team_id: text(value.teamId),
    server_id: text(value.serverId),
    server: text(value.server),
    tool: text(value.tool),
    door: "mcp",
    outcome: outcomeOf(value.outcome),
    code: "",
    upstream_status: value.upstreamStatus === 0 ? null : Math.min(value.upstreamStatus, 999),
    request_bytes: count(value.requestBytes),
    response_bytes: count(value.responseBytes),
    first_byte_us: count(value.firstByteUs),
    total_us: count(value.totalUs),
    count: 1n,
    method: text(value.method),
    client_era: eraOf(value.clientEra),
    server_era: eraOf(value.serverEra),
    tool_use_id: text(value.toolUseId),
    session_id: text(value.sessionId),
    client_name: text(value.clientName),
    client_version: text(value.clientVersion),
  };
}

/** Of a call that was refused before it went to a server. */
const unsaid = {
  method: "",
  client_era: "",
  server_era: "",
  tool_use_id: "",
  session_id: "",
  client_name: "",
  client_version: "",
} as const;

type Refused = Pick<CallRefused, "keyId" | "teamId" | "server" | "tool" | "door" | "code"> & { count: bigint };

function refused(value: Refused): AboutCall {
  return {
    key_id: text(value.keyId),
    team_id: text(value.teamId),
    server_id: "",
    server: text(value.server),
    tool: text(value.tool),
    door: text(value.door),
    outcome: "refused",
    code: text(value.code),
    upstream_status: null,
    request_bytes: null,
    response_bytes: null,
    first_byte_us: null,
    total_us: null,
    count: count(value.count),
    ...unsaid,
  };
}

/** An outcome that is newer than this version is a call that did not end in an answer that we know of. */
function outcomeOf(outcome: ToolCallOutcome): string {
  return outcome in outcomes && outcome !== ToolCallOutcome.UNSPECIFIED ? outcomes[outcome] : "upstream-failed";
}

/** One that is newer than this version is not known here. */
function eraOf(era: Era): string {
  return era in eras ? eras[era] : "";
}

function text(value: string): string {
  return value.slice(0, textCharsMax).replaceAll("\0", "\u{fffd}").toWellFormed();
}

function count(value: bigint): bigint {
  return value > int8Max ? int8Max : value;
}

async function insert<T extends Table>(sql: Sql, table: T, rows: readonly Row<T>[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.entries(table.columns);
  const names = columns.map(([name]) => name).join(", ");
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ");
  const values = columns.map(([name]) => rows.map((row: Readonly<Record<string, Cell>>) => cell(row[name])));
  await sql.query(`INSERT INTO ${table.name} (${names}) SELECT * FROM unnest(${arrays})`, values);
}

/** The driver writes arrays as text, for which only a Buffer has its own form. */
function cell(value: Cell | undefined): Cell | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : (value ?? null);
}
