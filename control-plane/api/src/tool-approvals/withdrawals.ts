// The approvals of a server that goes: they go with it, because its id does not come back.

import { head } from "../log/read.ts";
import type { AnyStep } from "../log/handle.ts";
import type { Plane } from "../plane.ts";
import { approvalTable, servers } from "../servers/server.projection.ts";
import { toolApprovalDecider } from "./tool-approval.decider.ts";

const reachedMsMax = 5_000;

export async function withdrawals({ database, projections }: Plane, serverId: string): Promise<AnyStep[]> {
  const { position } = await head(database.sql);
  await projections.reached(position, reachedMsMax, servers.projection.name);
  const rows = await database.sql.query<{ id: string }>(`SELECT id FROM ${approvalTable} WHERE server_id = $1`, [
    serverId,
  ]);
  return rows.map(({ id }) => withdrawal(id));
}

export function withdrawal(id: string): AnyStep {
  return { decider: toolApprovalDecider, id, command: { kind: "withdraw", id } };
}
