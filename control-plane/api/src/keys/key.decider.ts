// Virtual keys: issued to a team and maybe a user, changed, rotated, revoked. Of a secret only its hash arrives here. A revoked key keeps its
// stream, so that its id never comes back, and gives its name and its hold on the team back. Expiry is a fact of the key
// that proxies compare with their clock; nothing happens here when it passes.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider, type Decision } from "@tollgate/kernel/decider";
import { keyFeatures, requiring } from "@tollgate/kernel/features";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import type { PermittedLabels } from "@tollgate/kernel/label";
import { limits } from "@tollgate/kernel/limits";
import {
  KeyChangedSchema,
  KeyIssuedSchema,
  KeyRevokedSchema,
  KeyRotatedSchema,
  type KeyChanged,
  type KeyIssued,
  type KeyRevoked,
  type KeyRotated,
} from "@tollgate/schema/events";
import { KeySecretSchema, PermittedLabelSchema, type Key, type KeyPurpose } from "@tollgate/schema/resources";
import { ownerProblem, type Customers } from "../customers/customer-of.ts";
import { modelsProblem } from "../model-aliases/granted-models.ts";
import {
  invalidInput,
  type AlreadyExists,
  type AlreadyRevoked,
  type InvalidInput,
  type NotFound,
} from "../refusals.ts";
import { grantProblem, groupScopes, sameGrant, sameList, type GrantedTools } from "../tool-groups/granted-tools.ts";
import { labelsProblem, sameLabels } from "./permitted-labels.ts";

export type IssueKey = {
  kind: "issue";
  id: string;
  name: string;
  teamId: string;
  userId?: string | undefined;
  /** Of its team and user, where it has one. */
  customers?: Customers | undefined;
  labels?: readonly PermittedLabels[] | undefined;
  purpose: KeyPurpose;
  sha256: Uint8Array;
  tools: readonly string[];
  toolGroupIds?: readonly string[] | undefined;
  models?: readonly string[] | undefined;
  expiresAtMs: number | undefined;
  timeMs: number;
};

/** What is absent stays. */
export type ChangeKey = {
  kind: "change";
  id: string;
  teamId?: string | undefined;
  /** Empty: nobody's any more. */
  userId?: string | undefined;
  /** Of the team and user that it will have, where either changes. */
  customers?: Customers | undefined;
  labels?: readonly PermittedLabels[] | undefined;
  tools?: readonly string[] | undefined;
  toolGroupIds?: readonly string[] | undefined;
  models?: readonly string[] | undefined;
  expiresAtMs?: number | "never" | undefined;
  timeMs: number;
};

export type RotateKey = { kind: "rotate"; id: string; sha256: Uint8Array; overlapSeconds: number; timeMs: number };
export type RevokeKey = { kind: "revoke"; id: string; timeMs: number };

export type KeyCommand = IssueKey | ChangeKey | RotateKey | RevokeKey;
export type KeyEvent = KeyIssued | KeyChanged | KeyRotated | KeyRevoked;
export type KeyRefusal = InvalidInput | NotFound | AlreadyExists | AlreadyRevoked;

export const keyDecider: Decider<Key | undefined, KeyCommand, KeyEvent, KeyRefusal> = {
  stream: "key",
  initial: undefined,
  evolve: (_, event) => event.key,
  decide(command, key) {
    if (key?.revokedAtMs !== undefined)
      return refuse({ kind: "already-revoked", revokedAtMs: Number(key.revokedAtMs) });
    if (command.kind === "issue") return issue(command, key);
    if (!key) return refuse({ kind: "not-found", scope: scopeOf("key", command.id) });
    switch (command.kind) {
      case "change":
        return change(command, key);
      case "rotate":
        return rotate(command, key);
      case "revoke":
        return accept([create(KeyRevokedSchema, { key: { ...key, revokedAtMs: BigInt(command.timeMs) } })], {
          release: true,
        });
      default:
        return assertNever(command);
    }
  },
};

function issue(command: IssueKey, key: Key | undefined): Decision<KeyEvent, KeyRefusal> {
  const { id, name, teamId, userId = "", purpose, sha256, expiresAtMs, timeMs } = command;
  const { tools, toolGroupIds = [], models = [], labels = [] } = command;
  if (key) return refuse({ kind: "already-exists", scope: scopeOf("key", id) });
  if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
  const said: Said = { teamId, userId, tools, toolGroupIds, models, labels };
  const problem =
    saidProblem(said) ??
    ownerProblem(command.customers ?? unknown, teamId, userId) ??
    expiryProblem(expiresAtMs, timeMs);
  if (problem) return refuse(problem);
  const issued = create(KeyIssuedSchema, {
    key: {
      ...{ id, name, purpose, secrets: [{ sha256 }], ...stored(said), createdAtMs: BigInt(timeMs) },
      ...(expiresAtMs === undefined ? {} : { expiresAtMs: BigInt(expiresAtMs) }),
    },
  });
  return accept([issued], { reserve: name, refer: referring(said) });
}

/** What an admin says of a key and may say otherwise later. */
type Said = GrantedTools & {
  teamId: string;
  userId: string;
  models: readonly string[];
  labels: readonly PermittedLabels[];
};

const unknown: Customers = new Map();

function saidProblem({ models, labels, ...tools }: Said): InvalidInput | undefined {
  return (
    grantProblem(tools, limits.toolPatternsPerKeyMax) ??
    modelsProblem(models, limits.modelPatternsPerKeyMax) ??
    labelsProblem(labels)
  );
}

function stored({ teamId, userId, tools, toolGroupIds, models, labels }: Said, former: readonly string[] = []) {
  return {
    ...{ teamId, userId, tools: [...tools], toolGroupIds: [...toolGroupIds], models: [...models] },
    labels: labels.map(({ name, values }) => create(PermittedLabelSchema, { name, values: [...values] })),
    requires: requiring(former, keyFeatures({ userId })),
  };
}

function referring({ teamId, userId, toolGroupIds }: Said): string[] {
  const user = userId === "" ? [] : [scopeOf("user", userId)];
  return [scopeOf("team", teamId), ...user, ...groupScopes(toolGroupIds)];
}

function change(command: ChangeKey, key: Key): Decision<KeyEvent, KeyRefusal> {
  const { teamId = key.teamId, userId = key.userId, timeMs } = command;
  const { tools = key.tools, toolGroupIds = key.toolGroupIds, models = key.models, labels = key.labels } = command;
  const { expiresAtMs: formerExpiry, ...rest } = key;
  const wanted = command.expiresAtMs === "never" ? undefined : command.expiresAtMs;
  const said: Said = { teamId, userId, tools, toolGroupIds, models, labels };
  const isSameOwner = teamId === key.teamId && userId === key.userId;
  const problem =
    saidProblem(said) ??
    (isSameOwner ? undefined : ownerProblem(command.customers ?? unknown, teamId, userId)) ??
    expiryProblem(wanted, timeMs);
  if (problem) return refuse(problem);
  const expiresAtMs =
    command.expiresAtMs === undefined ? formerExpiry : wanted === undefined ? undefined : BigInt(wanted);
  const isSame = sameGrant(said, key) && sameList(models, key.models) && sameLabels(labels, key.labels);
  if (isSame && isSameOwner && expiresAtMs === formerExpiry) return accept([]);
  const changed = { ...rest, ...stored(said, key.requires), ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
  return accept([create(KeyChangedSchema, { key: changed })], { refer: referring(said) });
}

/** Two secrets at most: a third would have been rotated out twice and still be accepted. */
function rotate({ sha256, overlapSeconds, timeMs }: RotateKey, key: Key): Decision<KeyEvent, KeyRefusal> {
  const max = limits.rotationOverlapSecondsMax;
  if (!Number.isSafeInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > max)
    return refuse(invalidInput("overlapSeconds", `is not a whole number from 0 to ${max}`));
  const [former] = key.secrets;
  const secrets = [create(KeySecretSchema, { sha256 })];
  if (former && overlapSeconds > 0) {
    const validUntilMs = BigInt(timeMs + overlapSeconds * 1_000);
    secrets.push(create(KeySecretSchema, { sha256: former.sha256, validUntilMs }));
  }
  return accept([create(KeyRotatedSchema, { key: { ...key, secrets } })]);
}

function expiryProblem(expiresAtMs: number | undefined, timeMs: number): InvalidInput | undefined {
  return expiresAtMs !== undefined && expiresAtMs <= timeMs ? invalidInput("expiresAt", "is in the past") : undefined;
}
