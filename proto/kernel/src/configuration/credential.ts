// How a file gives what it should not hold: `{ env: NAME }`, `{ secret: NAME }` or, in clear, `{ value: TEXT }`, each with
// an optional `prefix`. Variables are resolved by whoever reads the file. Nothing that stands here is ever in a message:
// not the value, and not a variable's name unless it is written as variables are, because people paste keys here.

import { isMap, isNode, isScalar, visit } from "yaml";
import { mappingOf, nameOf, textOf, wrongType, type Found, type Reading } from "./reader.ts";
import { IssueList } from "./issue.ts";
import { readYaml } from "./yaml-source.ts";

export type Credential = { prefix: string; source: { value: string } | { secretName: string } };

export type Source = Credential["source"];

const sources = ["env", "value", "secret"] as const;
export const sourceFields = { env: "optional", value: "optional", secret: "optional" } as const;
/** Of stores that are not read yet. */
export const laterSources = ["vault", "aws", "gcp", "azure"] as const;
const fields = { ...sourceFields, prefix: "optional" } as const;

export function credentialOf(reading: Reading, at: Found): Credential | undefined {
  if (!isMap(at.node)) return wrongType(reading, at, "{ env: NAME }, { secret: NAME } or { value: TEXT }");
  const read = mappingOf(reading, at, fields, { later: laterSources, isSecret: true });
  if (!read) return undefined;
  const source = sourceIn(reading, at, read);
  const prefix = read.prefix ? textOf(reading, read.prefix) : "";
  return prefix === undefined || source === undefined ? undefined : { prefix, source };
}

/** The one source among the fields of a mapping that was read. */
export function sourceIn(
  reading: Reading,
  at: Found,
  read: Partial<Record<(typeof sources)[number], Found>>,
): Source | undefined {
  const given = sources.filter((name) => read[name]);
  if (given.length === 1) return read.secret ? secretSource(reading, read.secret) : valueSource(reading, read);
  const isLater = laterSources.some((name) => isMap(at.node) && at.node.has(name));
  if (!isLater) reading.issues.add(at, "must have exactly one of `env`, `secret` and `value`");
  return undefined;
}

function secretSource(reading: Reading, at: Found): { secretName: string } | undefined {
  const secretName = nameOf(reading, at);
  return secretName === undefined ? undefined : { secretName };
}

function valueSource(reading: Reading, read: Partial<Record<"env" | "value", Found>>): { value: string } | undefined {
  const value = read.env ? variableOf(reading, read.env) : read.value && textOf(reading, read.value);
  return value === undefined ? undefined : { value };
}

/** The value of the variable that is named there. */
function variableOf(reading: Reading, at: Found): string | undefined {
  const env = textOf(reading, at);
  if (env === undefined) return undefined;
  if (!isVariableName(env)) {
    reading.issues.add(at, "is not the name of an environment variable");
    return undefined;
  }
  const value = reading.resolve({ env });
  if (value !== undefined && value !== "") return value;
  const shown = /^[A-Z][A-Z0-9_]*$/.test(env) ? `, ${env},` : "";
  reading.issues.add(at, `names an environment variable${shown} that is ${value === "" ? "empty" : "not set"}`);
  return undefined;
}

function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text);
}

/** The environment variables that a file mentions, in its order; none where it is not even YAML. */
export function referencedVariables(text: string): string[] {
  const source = readYaml(text, new IssueList(1));
  if (!source) return [];
  const names = new Set<string>();
  visit(source.root, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== "env") return;
      const node = isNode(value) ? source.targetOf(value) : undefined;
      if (isScalar(node) && typeof node.value === "string" && isVariableName(node.value)) names.add(node.value);
    },
  });
  return [...names];
}
