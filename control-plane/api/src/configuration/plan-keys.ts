// The keys of a file against those that there are. A key's secret says which key it is: with another id the former key is
// replaced, with the same id and another secret it is rotated, and without one in the file it stays what it is. A key that
// is new and has none gets one, which is told once. A key that is over, revoked or past its own expiry, is not made again:
// the plan says so, and the rest of the file is applied, because time and admins must not turn a file that was right into
// one with which nothing starts.

import type { ConfiguredKey } from "@tollgate/kernel/configuration/key";
import { scopeOf } from "@tollgate/kernel/ids";
import { parseKey } from "@tollgate/kernel/key-format";
import { KeyPurpose, type Key } from "@tollgate/schema/resources";
import type { Customers } from "../customers/customer-of.ts";
import { kindOf, newKeyText, sha256Of } from "../keys/key-text.ts";
import { keyDecider, type ChangeKey, type KeyCommand } from "../keys/key.decider.ts";
import { sameLabels } from "../keys/permitted-labels.ts";
import type { AnyStep } from "../log/handle.ts";
import { sameGrant, sameList } from "../tool-groups/granted-tools.ts";
import type { BoundsPlan } from "./plan-bounds.ts";
import {
  pruned,
  type FilePlace,
  type IssuedKey,
  type KeyEnd,
  type KindPlan,
  type PlannedStep,
  type Planning,
} from "./planning.ts";

/** `revokes` stand before `changes`: they give names back. */
export type KeysPlan = Omit<KindPlan, "retires"> & {
  revokes: PlannedStep[];
  issued: IssuedKey[];
  /** Of the file's keys that are there or will be, by name. */
  ids: Map<string, string>;
};

const purposes = { agent: KeyPurpose.AGENT, service: KeyPurpose.SERVICE } as const satisfies Record<
  ConfiguredKey["purpose"],
  KeyPurpose
>;

/** What the names of the file stand for. */
export type KeyReferences = {
  teams: Pick<BoundsPlan, "idOf" | "customerOf">;
  users: Pick<BoundsPlan, "idOf" | "customerOf">;
  groupIds: (names: readonly string[]) => string[];
};

export function planKeys(planning: Planning, references: KeyReferences): KeysPlan {
  const { configuration, current, timeMs } = planning;
  const plan: KeysPlan = { items: [], revokes: [], changes: [], retired: [], issued: [], ids: new Map() };
  for (const [index, wanted] of configuration.keys.entries()) {
    const place = { at: wanted.at, path: `keys[${index}]` };
    const key = current.keys.get(wanted.name);
    const stays = endOf(wanted, key, planning);
    if (key) plan.ids.set(wanted.name, key.id);
    if (stays !== undefined) {
      plan.items.push({ action: "none", kind: "key", name: wanted.name, fields: [], stays });
      continue;
    }
    const held = heldBy(wanted, references);
    const differences = key ? differencesOf(wanted, key, held) : [];
    const isReplaced = differences.includes("purpose") || (key && isAnother(wanted, key));
    const action = key === undefined ? "create" : differences.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "key", name: wanted.name, fields: differences });
    if (key && isReplaced) plan.revokes.push({ step: stepOf({ kind: "revoke", id: key.id, timeMs }), place });
    if (!key || isReplaced) issue(plan, planning, wanted, { place, held });
    else change(plan, wanted, key, { place, held, timeMs, differences });
  }
  const both = { there: current.keys, wanted: configuration.keys };
  const { retired, retires } = pruned(planning, "key", both, ({ id }) => [stepOf({ kind: "revoke", id, timeMs })]);
  plan.revokes.push(...retires);
  return { ...plan, retired };
}

/**
 * Why a key of the file cannot be. A living key that has the name by now is let be: a process that starts with the file of
 * yesterday must not end what today's file made. An expiry that a living key shall get and that is over is a mistake, since
 * the key would go on without it.
 */
function endOf(
  { secret, expiresAtMs }: ConfiguredKey,
  key: Key | undefined,
  { current, timeMs }: Planning,
): KeyEnd | undefined {
  const id = secret === undefined ? undefined : parseKey(secret)?.id;
  if (id !== undefined && current.revokedKeyIds.has(id)) return "revoked";
  return key === undefined && expiresAtMs !== undefined && expiresAtMs <= timeMs ? "expired" : undefined;
}

/** What a key refers to, and whose that is. */
type Held = { teamId: string; userId: string; toolGroupIds: string[]; customers: Customers };

function heldBy({ team, user, toolGroups }: ConfiguredKey, { teams, users, groupIds }: KeyReferences): Held {
  const [teamId, userId] = [teams.idOf(team), user === undefined ? "" : users.idOf(user)];
  const ofTeam = [scopeOf("team", teamId), teams.customerOf(team)] as const;
  const ofUser = user === undefined ? [] : [[scopeOf("user", userId), users.customerOf(user)] as const];
  return { teamId, userId, toolGroupIds: groupIds(toolGroups), customers: new Map([ofTeam, ...ofUser]) };
}

function differencesOf(wanted: ConfiguredKey, key: Key, { teamId, userId, toolGroupIds }: Held): string[] {
  const expiresAtMs = key.expiresAtMs === undefined ? undefined : Number(key.expiresAtMs);
  const differs = {
    team: teamId !== key.teamId,
    user: userId !== key.userId,
    purpose: purposes[wanted.purpose] !== key.purpose,
    secret: isAnother(wanted, key) || !hasSecret(wanted, key),
    tools: !sameGrant({ tools: wanted.tools, toolGroupIds }, key),
    models: !sameList(wanted.models, key.models),
    labels: !sameLabels(wanted.labels, key.labels),
    expiresAt: wanted.expiresAtMs !== expiresAtMs,
  };
  return Object.entries(differs).flatMap(([field, isDifferent]) => (isDifferent ? [field] : []));
}

/** The file's secret has another key's id in it. */
function isAnother({ secret }: ConfiguredKey, { id }: Key): boolean {
  return secret !== undefined && parseKey(secret)?.id !== id;
}

function hasSecret({ secret }: ConfiguredKey, { secrets }: Key): boolean {
  return secret === undefined || Buffer.from(sha256Of(secret)).equals(secrets[0]?.sha256 ?? new Uint8Array());
}

function issue(
  plan: KeysPlan,
  { timeMs, randomBytes }: Planning,
  wanted: ConfiguredKey,
  { place, held }: { place: FilePlace; held: Held },
): void {
  const { name, tools, models, labels, expiresAtMs } = wanted;
  const purpose = purposes[wanted.purpose];
  const supplied = wanted.secret === undefined ? undefined : parseKey(wanted.secret);
  const made = supplied ? undefined : newKeyText(randomBytes, kindOf(purpose));
  const id = supplied?.id ?? made?.id ?? "";
  const text = supplied?.text ?? made?.text ?? "";
  if (made) plan.issued.push({ name, secret: made.text });
  const sha256 = sha256Of(text);
  plan.ids.set(name, id);
  plan.changes.push({
    step: stepOf({ kind: "issue", id, name, ...held, purpose, sha256, tools, models, labels, expiresAtMs, timeMs }),
    place,
  });
}

type Change = { place: FilePlace; held: Held; timeMs: number; differences: readonly string[] };

function change(plan: KeysPlan, wanted: ConfiguredKey, key: Key, { place, held, timeMs, differences }: Change): void {
  const { id } = key;
  if (wanted.secret !== undefined && differences.includes("secret")) {
    const sha256 = sha256Of(wanted.secret);
    plan.changes.push({ step: stepOf({ kind: "rotate", id, sha256, overlapSeconds: 0, timeMs }), place });
  }
  const fields: Partial<ChangeKey> = {
    ...(differences.includes("team") || differences.includes("user")
      ? { teamId: held.teamId, userId: held.userId, customers: held.customers }
      : {}),
    ...(differences.includes("tools") ? { tools: wanted.tools, toolGroupIds: held.toolGroupIds } : {}),
    ...(differences.includes("models") ? { models: wanted.models } : {}),
    ...(differences.includes("labels") ? { labels: wanted.labels } : {}),
    ...(differences.includes("expiresAt") ? { expiresAtMs: wanted.expiresAtMs ?? "never" } : {}),
  };
  if (Object.keys(fields).length > 0)
    plan.changes.push({ step: stepOf({ ...fields, kind: "change", id, timeMs }), place });
}

function stepOf(command: KeyCommand): AnyStep {
  return { decider: keyDecider, id: command.id, command };
}
