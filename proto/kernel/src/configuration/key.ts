// One entry of `keys`: a virtual key with its team and user, the tools and models that it reaches, and its labels. A secret that the file brings is checked
// and handed on; it is in no message, and neither is anything that stands in its place.

import { parseKey, type KeyKind } from "../key-format.ts";
import type { PermittedLabels } from "../label.ts";
import { limits } from "../limits.ts";
import { namedOf } from "./bound.ts";
import { credentialOf } from "./credential.ts";
import type { Place } from "./issue.ts";
import { grantedModels } from "./models.ts";
import { permittedLabels } from "./permitted-labels.ts";
import { mappingOf, newNameOf, textOf, type Found, type Reading } from "./reader.ts";
import { grantedTools, type ConfiguredTools } from "./tool-group.ts";

export type ConfiguredKey = {
  name: string;
  team: string;
  user?: string;
  purpose: KeyPurposeName;
  /** The whole text, `tg_…`. */
  secret?: string;
  expiresAtMs?: number;
  models: string[];
  labels: PermittedLabels[];
  at: Place;
} & ConfiguredTools;

export type KeyPurposeName = "agent" | "service";

const kindOf = { agent: "key", service: "svc" } as const satisfies Record<KeyPurposeName, KeyKind>;

const fields = {
  name: "required",
  team: "required",
  user: "optional",
  purpose: "optional",
  secret: "optional",
  tools: "optional",
  models: "optional",
  labels: "optional",
  expiresAt: "optional",
} as const;
const laterFields = ["budget", "limits"] as const;

/** What a key must fit: the teams, users and tool groups of the file, and the keys before it. */
export type KeyNeighbours = {
  users: ReadonlySet<string>;
  teams: ReadonlySet<string>;
  toolGroups: ReadonlySet<string>;
  taken: Map<string, Place>;
  secretIds: Map<string, Place>;
};

export function readKey(reading: Reading, at: Found, neighbours: KeyNeighbours): ConfiguredKey | undefined {
  const read = mappingOf(reading, at, fields, { later: laterFields });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, neighbours.taken);
  const team = read.team && namedOf(reading, read.team, "team", neighbours.teams);
  const user = read.user && namedOf(reading, read.user, "user", neighbours.users);
  const purpose = read.purpose ? purposeOf(reading, read.purpose) : "agent";
  const secret = read.secret && secretOf(reading, read.secret, purpose, neighbours.secretIds);
  const tools = grantedTools(reading, read.tools, neighbours.toolGroups, limits.toolPatternsPerKeyMax);
  const models = grantedModels(reading, read.models, limits.modelPatternsPerKeyMax);
  const labels = permittedLabels(reading, read.labels);
  const expiresAtMs = read.expiresAt && instantOf(reading, read.expiresAt);
  if (!read.name || name === undefined || team === undefined || purpose === undefined) return undefined;
  return {
    name,
    team,
    purpose,
    ...tools,
    models,
    labels,
    ...(user === undefined ? {} : { user }),
    ...(secret === undefined ? {} : { secret }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    at: read.name.at,
  };
}

function purposeOf(reading: Reading, at: Found): KeyPurposeName | undefined {
  const text = textOf(reading, at);
  if (text === "agent" || text === "service") return text;
  if (text !== undefined) reading.issues.add(at, "is not a purpose; it is agent or service");
  return undefined;
}

function secretOf(
  reading: Reading,
  at: Found,
  purpose: KeyPurposeName | undefined,
  taken: Map<string, Place>,
): string | undefined {
  const credential = credentialOf(reading, at);
  if (!credential) return undefined;
  const { source, prefix } = credential;
  const problem =
    "secretName" in source || prefix !== "" ? "is `{ env: NAME }` or `{ value: TEXT }` and nothing more" : undefined;
  const key = "value" in source ? parseKey(source.value) : undefined;
  const former = key && taken.get(key.id);
  if (problem !== undefined) reading.issues.add(at, problem);
  else if (!key) reading.issues.add(at, "is not a Tollgate key: its form or its check characters are wrong");
  else if (purpose !== undefined && key.kind !== kindOf[purpose])
    reading.issues.add(at, `is a key of another kind; the purpose ${purpose} needs tg_${kindOf[purpose]}_…`);
  else if (former) reading.issues.add(at, `is the secret of line ${former.line} again; every key has its own`);
  else taken.set(key.id, at.at);
  return key?.text;
}

const instant = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:\d{2})$/;

function instantOf(reading: Reading, at: Found): number | undefined {
  const text = textOf(reading, at);
  if (text === undefined) return undefined;
  const day = instant.exec(text)?.[1];
  const ms = Date.parse(text);
  // `Date.parse` takes February 30 for March 2; a day that does not come back as itself is not one.
  if (day !== undefined && !Number.isNaN(ms) && new Date(Date.parse(`${day}T00:00:00Z`)).toISOString().startsWith(day))
    return ms;
  reading.issues.add(at, "is not an instant as 2027-01-31T18:00:00Z");
  return undefined;
}
