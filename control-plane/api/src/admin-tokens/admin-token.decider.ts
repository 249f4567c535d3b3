// Tokens for the admin API: issued and revoked. Only the hash arrives here. They are never replicated: no proxy has any use
// for one. What a token may do is everything; when roles come, the token's event will carry them.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  AdminTokenIssuedSchema,
  AdminTokenRevokedSchema,
  type AdminTokenIssued,
  type AdminTokenRevoked,
} from "@tollgate/schema/events";
import type { AdminToken } from "@tollgate/schema/resources";
import {
  invalidInput,
  type AlreadyExists,
  type AlreadyRevoked,
  type InvalidInput,
  type NotFound,
} from "../refusals.ts";

export type AdminTokenCommand =
  | {
      kind: "issue";
      id: string;
      name: string;
      sha256: Uint8Array;
      expiresAtMs: number | undefined;
      timeMs: number;
    }
  | { kind: "revoke"; id: string; timeMs: number };

export type AdminTokenEvent = AdminTokenIssued | AdminTokenRevoked;
export type AdminTokenRefusal = InvalidInput | NotFound | AlreadyExists | AlreadyRevoked;

export const adminTokenDecider: Decider<AdminToken | undefined, AdminTokenCommand, AdminTokenEvent, AdminTokenRefusal> =
  {
    stream: "admin-token",
    initial: undefined,
    evolve: (_, event) => event.adminToken,
    decide(command, token) {
      const scope = scopeOf("admin-token", command.id);
      if (token?.revokedAtMs !== undefined)
        return refuse({ kind: "already-revoked", revokedAtMs: Number(token.revokedAtMs) });
      switch (command.kind) {
        case "issue": {
          const { id, name, sha256, expiresAtMs, timeMs } = command;
          if (token) return refuse({ kind: "already-exists", scope });
          if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
          if (expiresAtMs !== undefined && expiresAtMs <= timeMs)
            return refuse(invalidInput("expiresAt", "is in the past"));
          const expiry = expiresAtMs === undefined ? {} : { expiresAtMs: BigInt(expiresAtMs) };
          const adminToken = { id, name, sha256, createdAtMs: BigInt(timeMs), ...expiry };
          return accept([create(AdminTokenIssuedSchema, { adminToken })], { reserve: name });
        }
        case "revoke": {
          if (!token) return refuse({ kind: "not-found", scope });
          const adminToken = { ...token, revokedAtMs: BigInt(command.timeMs) };
          return accept([create(AdminTokenRevokedSchema, { adminToken })], { release: true });
        }
        default:
          return assertNever(command);
      }
    },
  };
