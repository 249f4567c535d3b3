// For whom a budget or limit of the file is: a team or key of the file by name, or a label. Whoever of them the file cannot name
// yet is refused, and not taken for nobody.

import { isMap } from "yaml";
import type { Label } from "../quotas/quota-scope.ts";
import { labelNameProblem, labelValueProblem } from "../label.ts";
import { checkedTextOf, entriesOf, mappingOf, nameOf, type Entry, type Found, type Reading } from "./reader.ts";
import { nearest } from "./suggestion.ts";

export type ConfiguredScope =
  { readonly kind: "team" | "key"; readonly name: string } | ({ readonly kind: "label" } & Label);

/** Whom the file names. */
export type QuotaNeighbours = { readonly team: ReadonlySet<string>; readonly key: ReadonlySet<string> };

const fields = { team: "optional", key: "optional", label: "optional" } as const;
/** The one place that customers and users are missing from until the file can name them. */
const laterFields = ["customer", "user"] as const;

export function readScope(reading: Reading, at: Found, neighbours: QuotaNeighbours): ConfiguredScope | undefined {
  const read = mappingOf(reading, at, fields, { later: laterFields });
  if (!read) return undefined;
  const { node } = at;
  if (laterFields.some((name) => isMap(node) && node.has(name))) return undefined;
  if (Object.values(read).length !== 1) {
    reading.issues.add(at, "must be exactly one of team, key and label");
    return undefined;
  }
  if (read.label) return labelOf(reading, read.label);
  const kind = read.team ? "team" : "key";
  const named = read.team ?? read.key;
  const name = named && nameOf(reading, named);
  if (!named || name === undefined) return undefined;
  if (neighbours[kind].has(name)) return { kind, name };
  const meant = nearest(name, neighbours[kind]);
  const hint = meant === undefined ? "" : `; the nearest is \`${meant}\``;
  reading.issues.add(named, `names no ${kind} of this file${hint}`);
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
