// Calls to servers, and refusals at every door, as rows of `usage.call`. Its columns are those that `calls` is filtered by; what
// they mean is said in the migrations.

import { Era } from "@tollgate/schema/resources";
import { ToolCallOutcome } from "@tollgate/schema/usage";
import type { CallRefused, ToolCallCompleted } from "@tollgate/schema/usage";
import type { SpentCall } from "../ledger/unreserved.ts";
import { cost, count, place, status, text, texts, type Placed, type Row, type Table } from "./fact-table.ts";

export const call = {
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
    model: "text",
    user_id: "text",
    customer_id: "text",
    labels: "text[]",
    cost_nano_usd: "bigint",
    accounts: "text[]",
    policy_id: "text",
    decision_id: "text",
  },
} as const satisfies Table;

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

type AboutCall = Omit<Row<typeof call>, Placed | "request_id">;

export function completed(value: ToolCallCompleted): AboutCall {
  return {
    ...account(value),
    server_id: text(value.serverId),
    server: text(value.server),
    tool: text(value.tool),
    door: "mcp",
    outcome: outcomeOf(value.outcome),
    code: "",
    upstream_status: status(value.upstreamStatus),
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
    model: "",
    cost_nano_usd: value.isPriceUnknown ? null : cost(value.costNanoUsd),
    accounts: texts(value.accounts),
    policy_id: "",
    decision_id: "",
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

/** To whose account a call goes. */
export function account(value: Pick<ToolCallCompleted, Account>) {
  return {
    key_id: text(value.keyId),
    team_id: text(value.teamId),
    user_id: text(value.userId),
    customer_id: text(value.customerId),
    labels: texts(value.labels),
  };
}

type Account = "keyId" | "teamId" | "userId" | "customerId" | "labels";

/** What budgets are charged. */
export function spentBy(
  timeMs: number,
  { keyId, teamId, userId, customerId, labels, accounts }: Pick<ToolCallCompleted, Account | "accounts">,
  nanoUsd: bigint,
): SpentCall {
  const scopes = [
    ...[`key/${keyId}`, `team/${teamId}`, `user/${userId}`, `customer/${customerId}`],
    ...labels.map((label) => `label/${label}`),
  ];
  return { timeMs, nanoUsd, scopes, accounts };
}

type Refused = Pick<
  CallRefused,
  Account | "server" | "tool" | "door" | "code" | "model" | "policyId" | "decisionId"
> & {
  count: bigint;
};

export function refused(value: Refused): AboutCall {
  return {
    ...account(value),
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
    model: text(value.model),
    cost_nano_usd: 0n,
    accounts: [],
    policy_id: text(value.policyId),
    decision_id: text(value.decisionId),
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
