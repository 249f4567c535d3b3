// What the parts of a plan share: what each is given, the items that people read, the steps of the commit, and how a refusal
// finds its place in the file. Only words; the planning itself is in the siblings.

import type { Configuration } from "@tollgate/kernel/configuration/configuration";
import type { Issue, Place } from "@tollgate/kernel/configuration/issue";
import type { AnyStep } from "../log/handle.ts";
import { sentenceOf, type AnyRefusal } from "../refusals.ts";
import type { SecretChanges } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import type { CurrentState } from "./current.ts";

export type PlanItem = {
  action: "create" | "change" | "retire" | "none";
  kind:
    | "tool-group"
    | "customer"
    | "team"
    | "user"
    | "key"
    | "server"
    | "provider"
    | "model-alias"
    | "price-list"
    | "environment"
    | "budget"
    | "limit"
    | "policy";
  name: string;
  /** What changes, for `change`. */
  fields: readonly string[];
  /** For `none`, where the file asks for a key that is over: no file brings it back, and none is stopped by it. */
  stays?: KeyEnd;
};

export type KeyEnd = "revoked" | "expired";

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

/** Of one kind of resource. */
export type KindPlan = {
  items: PlanItem[];
  changes: PlannedStep[];
  /** What a prune takes away. */
  retired: PlanItem[];
  retires: PlannedStep[];
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

/** With `prune`, what is there and stands nowhere in the file. */
export function pruned<T extends { id: string; name: string }>(
  { prune }: Planning,
  kind: PlanItem["kind"],
  { there, wanted }: { there: ReadonlyMap<string, T>; wanted: readonly { name: string }[] },
  retire: (gone: T) => AnyStep[],
): { retired: PlanItem[]; retires: PlannedStep[] } {
  const named = new Set(wanted.map(({ name }) => name));
  const gone = prune ? [...there.values()].filter(({ name }) => !named.has(name)) : [];
  return {
    retired: gone.map(({ name }) => ({ action: "retire", kind, name, fields: [] })),
    retires: gone.flatMap(retire).map((step) => ({ step, place: undefined })),
  };
}

export function issueAt({ at, path }: FilePlace, refusal: AnyRefusal): Issue {
  return { line: at.line, column: at.column, path, message: `\`${path}\` was refused: ${sentenceOf(refusal)}` };
}
