// Servers for screens, with the approvals of their tools beside them. Retired ones leave the list.

import { ServerSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";
import { schemaOf, statement } from "../projections/projection.ts";

const approvals = `
  CREATE TABLE approval (
    id text COLLATE "C" PRIMARY KEY,
    server_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    sha256 bytea NOT NULL,
    approved_at timestamptz NOT NULL,
    approved_by text NOT NULL,
    UNIQUE (server_id, name)
  )`;

export const servers = resourceKind("server", ServerSchema, {
  name: "servers",
  version: 2,
  tables: `${resourceTables}; ${approvals}`,
  on: {
    ServerRegistered: ({ server }) => stored(ServerSchema, server),
    ServerChanged: ({ server }) => stored(ServerSchema, server),
    ServerRetired: ({ server }) => stored(ServerSchema, server, { isLive: false }),
    ToolApproved({ toolApproval }, { logged }) {
      if (!toolApproval) throw new Error("an event without its approval");
      const { id, serverId, name, definitionSha256 } = toolApproval;
      return statement(
        `INSERT INTO approval (id, server_id, name, sha256, approved_at, approved_by) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET sha256 = excluded.sha256, approved_at = excluded.approved_at,
           approved_by = excluded.approved_by`,
        ...[id, serverId, name, definitionSha256, new Date(Number(logged.timeMs)), logged.actor],
      );
    },
    ToolApprovalWithdrawn: ({ toolApproval }) => statement("DELETE FROM approval WHERE id = $1", toolApproval?.id),
  },
});

export const approvalTable = `${schemaOf(servers.projection)}.approval`;
