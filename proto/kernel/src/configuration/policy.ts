// One entry of `policies`: a name, what it is about, and exactly one kind. What is covered is named as it stands in the file.
// Whether an expression, a pattern or a schema is one is asked of the compiler that proxies use, and what it says has its
// place in the file: of an expression, the place of the field and the line and column within it.

import { create } from "@bufbuild/protobuf";
import { isMap, isScalar, isSeq } from "yaml";
import {
  DenyPolicySchema,
  LimitPolicySchema,
  LimitWindow,
  PolicySchema,
  RedactDirection,
  RedactOf,
  RedactPolicySchema,
  ValidateArgumentsPolicySchema,
  type Policy,
} from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { sentenceOf } from "../policy/answer.ts";
import { compilePolicy } from "../policy/compile.ts";
import { limitMeasures, limitWindows } from "../quotas/limit-rules.ts";
import type { Place } from "./issue.ts";
import {
  booleanOf,
  entriesOf,
  integerOf,
  listOf,
  mappingOf,
  newNameOf,
  oneOf,
  scalarTextOf,
  textOf,
  wrongType,
  type Entry,
  type Found,
  type Reading,
} from "./reader.ts";
import { nearest } from "./suggestion.ts";

export type ConfiguredPolicy = {
  name: string;
  enabled: boolean;
  order: number;
  match: string;
  /** By their names. */
  covers: { servers: string[]; providers: string[]; teams: string[] };
  kind: Policy["kind"];
  at: Place;
};

export type PolicyNeighbours = {
  taken: Map<string, Place>;
  servers: ReadonlySet<string>;
  providers: ReadonlySet<string>;
  teams: ReadonlySet<string>;
};

const fields = {
  ...({ name: "required", enabled: "optional", order: "optional", match: "optional", covers: "optional" } as const),
  ...({ deny: "optional", redact: "optional", validateArguments: "optional", limit: "optional" } as const),
} as const;
const coverFields = { servers: "optional", providers: "optional", teams: "optional" } as const;
const denyFields = { message: "optional" } as const;
const redactFields = { of: "required", direction: "required", patterns: "required", replacement: "optional" } as const;
const validateFields = { schema: "required" } as const;
const limitFields = { measure: "required", amount: "required", window: "optional" } as const;

const texts = { tools: RedactOf.TOOLS, models: RedactOf.MODELS } as const;
const directions = {
  request: RedactDirection.REQUEST,
  response: RedactDirection.RESPONSE,
  both: RedactDirection.BOTH,
} as const;

export const usualReplacement = "[redacted]";

export function readPolicy(reading: Reading, at: Found, neighbours: PolicyNeighbours): ConfiguredPolicy | undefined {
  const read = mappingOf(reading, at, fields, { later: ["requireApproval", "route"] });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, neighbours.taken);
  const enabled = read.enabled ? booleanOf(reading, read.enabled) : true;
  const bounds = { min: -limits.policyOrderMax, max: limits.policyOrderMax };
  const order = read.order ? integerOf(reading, read.order, bounds) : 0;
  const match = read.match ? textOf(reading, read.match) : "";
  const covers = coversOf(reading, read.covers, neighbours);
  const kind = kindOf(reading, at, read);
  if (!read.name || name === undefined || enabled === undefined || order === undefined) return undefined;
  if (match === undefined || kind === undefined) return undefined;
  if (!compiles(reading, read, { match, order, kind })) return undefined;
  return { name, enabled, order, match, covers, kind, at: read.name.at };
}

function compiles(
  reading: Reading,
  read: Partial<Record<keyof typeof fields, Entry>>,
  said: Pick<Policy, "match" | "order" | "kind">,
): boolean {
  const compiled = compilePolicy(create(PolicySchema, said));
  if (compiled.outcome === "compiled") return true;
  const [field = ""] = compiled.problem.field.split(".");
  const entry = Object.entries(read).find(([name]) => name === field)?.[1] ?? read.name;
  if (entry) reading.issues.add(entry, `is refused: ${sentenceOf(compiled.problem)}`);
  return false;
}

function coversOf(reading: Reading, at: Found | undefined, neighbours: PolicyNeighbours): ConfiguredPolicy["covers"] {
  const read = at && mappingOf(reading, at, coverFields);
  const named = (one: Found | undefined, kind: keyof typeof coverFields): string[] =>
    one ? listOf(reading, one, (_, item) => nameAmong(reading, item, neighbours[kind], kind)) : [];
  return {
    servers: named(read?.servers, "servers"),
    providers: named(read?.providers, "providers"),
    teams: named(read?.teams, "teams"),
  };
}

function nameAmong(reading: Reading, at: Found, known: ReadonlySet<string>, what: string): string | undefined {
  const name = textOf(reading, at);
  if (name === undefined || known.has(name)) return name;
  const meant = nearest(name, known);
  reading.issues.add(
    at,
    `is none of the ${what} of this file${meant === undefined ? "" : `; the nearest is \`${meant}\``}`,
  );
  return undefined;
}

function kindOf(
  reading: Reading,
  at: Found,
  { deny, redact, validateArguments, limit }: Partial<Record<NonNullable<Policy["kind"]["case"]>, Entry>>,
): Policy["kind"] | undefined {
  const given = [deny, redact, validateArguments, limit].filter((one) => one !== undefined);
  if (given.length !== 1) {
    reading.issues.add(at, "must have exactly one of `deny`, `redact`, `validateArguments` and `limit`");
    return undefined;
  }
  if (deny) return denyOf(reading, deny);
  if (limit) return limitOf(reading, limit);
  return redact ? redactOf(reading, redact) : validateArguments && validationOf(reading, validateArguments);
}

function denyOf(reading: Reading, at: Found): Policy["kind"] | undefined {
  const read = mappingOf(reading, at, denyFields);
  const message = read?.message ? textOf(reading, read.message) : "";
  return read && message !== undefined ? { case: "deny", value: create(DenyPolicySchema, { message }) } : undefined;
}

function redactOf(reading: Reading, at: Found): Policy["kind"] | undefined {
  const read = mappingOf(reading, at, redactFields);
  if (!read?.of || !read.direction || !read.patterns) return undefined;
  const of = oneOf(reading, read.of, texts);
  const direction = oneOf(reading, read.direction, directions);
  const patterns = listOf(reading, read.patterns, textOf);
  const replacement = read.replacement ? scalarTextOf(reading, read.replacement) : usualReplacement;
  if (of === undefined || direction === undefined || replacement === undefined) return undefined;
  const value = { of: texts[of], direction: directions[direction], patterns, replacement };
  return { case: "redact", value: create(RedactPolicySchema, value) };
}

/** Whether measure and window go together is the compiler's to say. */
function limitOf(reading: Reading, at: Found): Policy["kind"] | undefined {
  const read = mappingOf(reading, at, limitFields);
  if (!read?.measure || !read.amount) return undefined;
  const measure = oneOf(reading, read.measure, limitMeasures);
  const amount = integerOf(reading, read.amount, { min: 0, max: limits.limitAmountMax });
  const window = read.window && oneOf(reading, read.window, limitWindows);
  if (measure === undefined || amount === undefined || (read.window && window === undefined)) return undefined;
  const value = {
    ...{ measure: limitMeasures[measure], amount: BigInt(amount) },
    window: window === undefined ? LimitWindow.UNSPECIFIED : limitWindows[window],
  };
  return { case: "limit", value: create(LimitPolicySchema, value) };
}

/** As a mapping, it is JSON written in another way. */
function validationOf(reading: Reading, at: Found): Policy["kind"] | undefined {
  const read = mappingOf(reading, at, validateFields);
  if (!read?.schema) return undefined;
  const schema = schemaOf(reading, read.schema);
  if (schema === undefined) return undefined;
  return { case: "validateArguments", value: create(ValidateArgumentsPolicySchema, { schema }) };
}

function schemaOf(reading: Reading, at: Found): string | undefined {
  return isMap(at.node) ? jsonOf(reading, at) : wrongType(reading, at, "a mapping of keywords");
}

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** Numbers as they stand in the file: none is rounded on its way. */
function jsonOf(reading: Reading, at: Found): string | undefined {
  const { node } = at;
  if (isMap(node)) {
    const members = [...(entriesOf(reading, at) ?? [])].map(([name, entry]) => [name, jsonOf(reading, entry)] as const);
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value ?? "null"}`).join(",")}}`;
  }
  if (isSeq(node)) return `[${listOf(reading, at, jsonOf).join(",")}]`;
  if (!isScalar(node) || node.value === null) return "null";
  if (typeof node.value === "number" && jsonNumber.test(node.source ?? "")) return node.source;
  if (typeof node.value === "string" || typeof node.value === "boolean") return JSON.stringify(node.value);
  return wrongType(reading, at, "a value of JSON");
}
