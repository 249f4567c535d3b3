// Facts as rows of the usage store's tables, in the order of their kinds. A kind that came later is kept as it is.
import { toBinary } from "@bufbuild/protobuf";
import { assertNever } from "@tollgate/kernel/decider";
import { FactSchema } from "@tollgate/schema/usage";
import type { Sql } from "../database.ts";
import { chargeUnreserved, type SpentCall } from "../ledger/unreserved.ts";
import type { FactSpans, Span } from "./batch.ts";
import { call, completed, refused, spentBy } from "./call-rows.ts";
import { cost, insert, place, text, type Row, type Table } from "./fact-table.ts";
import { modelCall, modelCallCompleted, modelCallCost } from "./model-call-rows.ts";

const lost = {
  name: "usage.lost",
  columns: { ...place, last_seq: "bigint", time: "timestamptz", reason: "text" },
} as const satisfies Table;
const unread = { name: "usage.unread", columns: { ...place, fact: "bytea", link: "bytea" } } as const satisfies Table;

/** What refusals that were counted together need not have in common. */
const together = { server: "", tool: "", model: "", labels: [], policyId: "", decisionId: "" };

export async function insertSpans(
  sql: Sql,
  { proxyId, epoch }: Pick<FactSpans, "proxyId" | "epoch">,
  spans: readonly Span[],
): Promise<void> {
  const calls: Row<typeof call>[] = [];
  const modelCalls: Row<typeof modelCall>[] = [];
  const spent: SpentCall[] = [];
  const losses: Row<typeof lost>[] = [];
  const unknown: Row<typeof unread>[] = [];
  for (const { first, last, fact, link = null } of spans) {
    const at = { proxy_id: proxyId, epoch, seq: first };
    const time = new Date(Number(fact.timeMs)).toISOString();
    const { kind } = fact;
    switch (kind.case) {
      case "toolCallCompleted":
        calls.push({ ...at, time, link, request_id: text(fact.requestId), ...completed(kind.value) });
        spent.push(spentBy(Number(fact.timeMs), kind.value, cost(kind.value.costNanoUsd)));
        break;
      case "callRefused":
        calls.push({ ...at, time, link, request_id: text(fact.requestId), ...refused({ ...kind.value, count: 1n }) });
        break;
      case "callsRefused":
        calls.push({ ...at, time, link, request_id: "", ...refused({ ...kind.value, ...together }) });
        break;
      case "usageLost":
        losses.push({ ...at, last_seq: last, time, reason: text(kind.value.reason) });
        break;
      case "modelCallCompleted":
        modelCalls.push({ ...at, time, link, request_id: text(fact.requestId), ...modelCallCompleted(kind.value) });
        spent.push(spentBy(Number(fact.timeMs), kind.value, modelCallCost(kind.value)));
        break;
      case undefined:
        unknown.push({ ...at, link, fact: toBinary(FactSchema, fact) });
        break;
      default:
        assertNever(kind);
    }
  }
  await insert(sql, call, calls);
  await insert(sql, modelCall, modelCalls);
  await chargeUnreserved(sql, spent);
  await insert(sql, lost, losses);
  await insert(sql, unread, unknown);
}
