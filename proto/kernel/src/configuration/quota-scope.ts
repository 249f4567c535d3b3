// For whom a budget or limit of the file is: a customer, team, user or key of the file by name, or a label.

import type { HolderKind, Label } from "../quotas/quota-scope.ts";
import { labelNameProblem, labelValueProblem } from "../label.ts";
import { checkedTextOf, entriesOf, mappingOf, nameOf, type Entry, type Found, type Reading } from "./reader.ts";
import { nearest } from "./suggestion.ts";

export type ConfiguredScope =
  { readonly kind: HolderKind; readonly name: string } | ({ readonly kind: "label" } & Label);

/** Whom the file names. */
export type QuotaNeighbours = Readonly<Record<HolderKind, ReadonlySet<string>>>;

const fields = {
  customer: "optional",
  team: "optional",
  user: "optional",
  key: "optional",
  label: "optional",
} as const;
const holderKinds: readonly HolderKind[] = ["customer", "team", "user", "key"];

export function readScope(reading: Reading, at: Found, neighbours: QuotaNeighbours): ConfiguredScope | undefined {
  const read = mappingOf(reading, at, fields);
  if (!read) return undefined;
  if (Object.values(read).length !== 1) {
    reading.issues.add(at, "must be exactly one of customer, team, user, key and label");
    return undefined;
  }
  if (read.label) return labelOf(reading, read.label);
  for (const kind of holderKinds) {
    const named = read[kind];
    if (named) return holderOf(reading, named, { kind, names: neighbours[kind] });
  }
  return undefined;
}

function holderOf(
  reading: Reading,
  at: Entry,
  { kind, names }: { kind: HolderKind; names: ReadonlySet<string> },
): ConfiguredScope | undefined {
  const name = nameOf(reading, at);
  if (name === undefined) return undefined;
  if (names.has(name)) return { kind, name };
  const meant = nearest(name, names);
  const hint = meant === undefined ? "" : `; the nearest is \`${meant}\``;
  reading.issues.add(at, `names no ${kind} of this file${hint}`);
  return undefined;
}

/** `{ project: apollo }` */
function labelOf(reading: Reading, at: Entry): ConfiguredScope | undefined {
  const entries = entriesOf(reading, at);
  if (!entries) return undefined;
  const [label, ...more] = entries;
  if (!label || more.length > 0) {
    reading.issues.add(at, "must be one name and its value");
    return undefined;
  }
  const [name, entry] = label;
  const problem = labelNameProblem(name);
  if (problem !== undefined)
    reading.issues.add({ path: at.path, at: entry.keyAt }, `has a label whose name ${problem}`);
  const value = checkedTextOf(reading, entry, labelValueProblem);
  return problem !== undefined || value === undefined ? undefined : { kind: "label", name, value };
}
