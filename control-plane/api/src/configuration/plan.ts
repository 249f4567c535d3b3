// The difference between a file and what there is, as a plan that people read and as the steps of one commit. Pure: what
// there is, the clock and randomness are arguments. The order of the steps is what makes the names work out: what gives a
// name back stands before what takes it, and what is referred to before what refers.

import type { Configuration } from "@tollgate/kernel/configuration/configuration";
import type { Issue, Place } from "@tollgate/kernel/configuration/issue";
import type { AnyStep } from "../log/handle.ts";
import { sentenceOf, type AnyRefusal } from "../refusals.ts";
import type { SecretChanges } from "../secrets/secret-changes.ts";
import { eraseSteps, storeSteps } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import type { CurrentState } from "./current.ts";
import { planKeys } from "./plan-keys.ts";
import { planServers } from "./plan-servers.ts";
import { planTeams } from "./plan-teams.ts";

export type PlanItem = {
  action: "create" | "change" | "retire" | "none";
  kind: "team" | "key" | "server";
  name: string;
  /** What changes, for `change`. */
  fields: readonly string[];
};

/** `at` and `path` are what the file says of it; what is pruned stands nowhere in the file. */
export type PlannedStep = { step: AnyStep; place: FilePlace | undefined };
export type FilePlace = { at: Place; path: string };

export type IssuedKey = { name: string; secret: string };

export type Plan = {
  items: PlanItem[];
  steps: PlannedStep[];
  secrets: SecretChanges;
  /** Keys that the file names without a secret, and that are made by this plan. */
  issued: IssuedKey[];
};

export type Planning = {
  configuration: Configuration;
  current: CurrentState;
  directory: SecretDirectory;
  prune: boolean;
  timeMs: number;
  randomBytes: (count: number) => Uint8Array;
  issues: Issue[];
};

export function planConfiguration(input: Omit<Planning, "issues">): Plan | { issues: Issue[] } {
  const planning = { ...input, issues: [] };
  const teams = planTeams(planning);
  const keys = planKeys(planning, teams.idOf);
  const servers = planServers(planning);
  if (planning.issues.length > 0) return { issues: planning.issues };
  const unplaced = (step: AnyStep): PlannedStep => ({ step, place: undefined });
  return {
    items: [...teams.items, ...keys.items, ...servers.items, ...keys.retired, ...servers.retired, ...teams.retired],
    steps: [
      ...teams.creates,
      ...keys.revokes,
      ...keys.changes,
      ...storeSteps(servers.secrets).map(unplaced),
      ...servers.changes,
      ...servers.retires,
      ...eraseSteps(servers.secrets).map(unplaced),
      ...teams.retires,
    ],
    secrets: servers.secrets,
    issued: keys.issued,
  };
}

export function issueAt({ at, path }: FilePlace, refusal: AnyRefusal): Issue {
  return { line: at.line, column: at.column, path, message: `\`${path}\` was refused: ${sentenceOf(refusal)}` };
}
