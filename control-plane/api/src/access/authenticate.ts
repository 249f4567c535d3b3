// From an Authorization header to who asks. A token's record is folded from its own stream, not read from a projection: a
// revoked token is refused by the next request, wherever the projections are. Secrets are compared as SHA-256, in constant
// time, and an unknown token costs the same comparison as a known one.

import { createHash, timingSafeEqual } from "node:crypto";
import { GraphQLError } from "graphql";
import { shapeOf, TollgateError } from "@tollgate/kernel/errors";
import { scopeOf } from "@tollgate/kernel/ids";
import { parseKey } from "@tollgate/kernel/key-format";
import { adminTokenDecider } from "../admin-tokens/admin-token.decider.ts";
import type { Sql } from "../database.ts";
import { bearerOf } from "../front-door.ts";
import { foldStream } from "../log/fold-stream.ts";
import { rolePermissions } from "./permissions.ts";
import type { RequestContext } from "./request-context.ts";

const noHash = new Uint8Array(32);

export async function authenticate(
  sql: Sql,
  authorization: string | undefined,
  { requestId, nowMs, isForced }: { requestId: string; nowMs: number; isForced: boolean },
): Promise<RequestContext> {
  const sent = parseKey(bearerOf(authorization));
  if (sent?.kind !== "adm") throw refused();
  const token = await foldStream(sql, adminTokenDecider, sent.id);
  const stored = token?.sha256.length === noHash.length ? token.sha256 : noHash;
  const isSame = timingSafeEqual(stored, createHash("sha256").update(sent.text).digest());
  const isLive = token !== undefined && token.revokedAtMs === undefined && !isPast(token.expiresAtMs, nowMs);
  if (!isSame || !isLive) throw refused();
  const actor = scopeOf(adminTokenDecider.stream, sent.id);
  return { requestId, actor, permissions: rolePermissions.owner, isForced };
}

/** With the HTTP status that belongs to it: nothing of the query was looked at. */
function refused(): GraphQLError {
  const originalError = new TollgateError("auth.token-refused");
  const { http } = shapeOf(originalError.code);
  return new GraphQLError(originalError.message, { originalError, extensions: { http: { status: http } } });
}

function isPast(expiresAtMs: bigint | undefined, nowMs: number): boolean {
  return expiresAtMs !== undefined && Number(expiresAtMs) <= nowMs;
}
