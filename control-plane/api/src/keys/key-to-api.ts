// A key's resource as the API shows it: without the hashes of its secrets.

import { KeyPurpose, type Key as KeyResource } from "@tollgate/schema/resources";
import type { Key, KeyStatus } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";

export function keyToApi(key: KeyResource, nowMs: number): Resolved<Key> {
  const { id, name, teamId, userId, purpose, tools, toolGroupIds, models, labels, secrets } = key;
  const { createdAtMs, expiresAtMs, revokedAtMs } = key;
  return {
    ...{ id, name, teamId, userId: userId === "" ? null : userId, tools, toolGroupIds, models },
    labels: labels.map(({ name: label, values }) => ({ name: label, values })),
    purpose: purpose === KeyPurpose.SERVICE ? "SERVICE" : "AGENT",
    status: statusOf(key, nowMs),
    createdAt: new Date(Number(createdAtMs)),
    expiresAt: instantToApi(expiresAtMs),
    revokedAt: instantToApi(revokedAtMs),
    formerSecretValidUntil: instantToApi(secrets[1]?.validUntilMs),
  };
}

function statusOf({ revokedAtMs, expiresAtMs }: KeyResource, nowMs: number): KeyStatus {
  if (revokedAtMs !== undefined) return "REVOKED";
  return expiresAtMs !== undefined && Number(expiresAtMs) <= nowMs ? "EXPIRED" : "ACTIVE";
}
