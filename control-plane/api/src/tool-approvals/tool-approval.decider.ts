// Approvals of tools of pinned servers: for one tool of one server one definition, known by the hash of its canonical text. A
// later approval takes the place of the former. Whether a proxy ever saw that definition is not known here; whoever commands
// it has looked.

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import {
  ToolApprovalWithdrawnSchema,
  ToolApprovedSchema,
  type ToolApprovalWithdrawn,
  type ToolApproved,
} from "@tollgate/schema/events";
import type { ToolApproval } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput, type NotFound } from "../refusals.ts";

export type ToolApprovalCommand =
  | { kind: "approve"; id: string; serverId: string; name: string; definitionSha256: Uint8Array }
  | { kind: "withdraw"; id: string };

export type ToolApprovalEvent = ToolApproved | ToolApprovalWithdrawn;
export type ToolApprovalRefusal = InvalidInput | NotFound;

const sha256Bytes = 32;

export const toolApprovalDecider: Decider<
  ToolApproval | undefined,
  ToolApprovalCommand,
  ToolApprovalEvent,
  ToolApprovalRefusal
> = {
  stream: "tool-approval",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.ToolApprovalWithdrawn" ? undefined : event.toolApproval),
  decide(command, approval) {
    switch (command.kind) {
      case "approve": {
        const { id, serverId, name, definitionSha256 } = command;
        const max = limits.toolNameCharsMax;
        if (name === "" || name.length > max) return refuse(invalidInput("name", `is not of 1 to ${max} characters`));
        if (definitionSha256.length !== sha256Bytes) return refuse(invalidInput("sha256", "is not a SHA-256"));
        if (approval && Buffer.from(definitionSha256).equals(approval.definitionSha256)) return accept([]);
        return accept([create(ToolApprovedSchema, { toolApproval: { id, serverId, name, definitionSha256 } })]);
      }
      case "withdraw":
        if (!approval) return refuse({ kind: "not-found", scope: scopeOf("tool-approval", command.id) });
        return accept([create(ToolApprovalWithdrawnSchema, { toolApproval: approval })]);
      default:
        return assertNever(command);
    }
  },
};

/** The one stream of a tool: neither a server's id nor a name holds a line break. */
export function toolApprovalId(serverId: string, tool: string): string {
  const hash = createHash("sha256").update(`${serverId}\n${tool}`).digest();
  return idFromBytes(hash.subarray(0, idBytes));
}
