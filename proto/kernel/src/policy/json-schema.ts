// A closed part of JSON Schema 2020-12, checked without running code that was made for it: what a schema may say is listed
// here, and a keyword that is not is refused when the schema is read, because a rule that is skipped in silence is no rule.
// Numbers are compared as they were written and patterns are those of RE2. References and formats are not taken. What is
// wrong with a value is said with its place in it.

import { limits } from "../limits.ts";
import { InexactNumber, isExactArray, isExactObject, type ExactObject, type ExactValue } from "./exact-json.ts";
import { patternOf, patternProblem } from "./pattern.ts";

/** A sentence about the first thing that is wrong; undefined where nothing is. */
export type Validate = (value: ExactValue, path: string) => string | undefined;

export class SchemaProblem extends Error {}

/** What it costs is bounded: past that, a value is not valid. Checks do not wait for anything, so one at a time is under way. */
export function compileSchema(schema: ExactValue): Validate {
  const validate = new Compiler().schema(schema, "", 0);
  return (value, path) => {
    left = limits.policySchemaStepsMax;
    const problem = validate(value, path);
    return left < 0 ? spent : problem;
  };
}

let left = 0;

/** Whether to stop: what is said then does not matter. */
function isSpent(steps = 1): boolean {
  left -= steps;
  return left < 0;
}

const spent = "It takes too long to check";
const charsPerStep = 32;

type Rule = (found: ExactValue, at: string, depth: number) => Validate;

/** Left as they are: they say nothing about a value. */
const words: ReadonlySet<string> = new Set(["title", "description", "default", "examples", "$schema", "$comment"]);

class Compiler {
  private parts = 0;

  schema(schema: ExactValue, at: string, depth: number): Validate {
    if (++this.parts > limits.policySchemaPartsMax)
      throw new SchemaProblem(`it has more than ${limits.policySchemaPartsMax} parts`);
    if (depth > limits.policySchemaDepthMax)
      throw new SchemaProblem(`it is nested more than ${limits.policySchemaDepthMax} deep`);
    if (schema === true) return () => undefined;
    if (schema === false) return (_, path) => `${shown(path)} must not be there`;
    if (!isExactObject(schema)) throw new SchemaProblem(`\`${at}\` is neither an object nor true or false`);
    const checks: Validate[] = [];
    for (const [keyword, found] of schema) {
      if (words.has(keyword)) continue;
      const rule = Object.hasOwn(this.rules, keyword) ? this.rules[keyword] : undefined;
      if (rule === undefined)
        throw new SchemaProblem(`\`${at}/${keyword}\` is not known; there are ${Object.keys(this.rules).join(", ")}`);
      checks.push(rule(found, `${at}/${keyword}`, depth));
    }
    checks.push(this.members(schema, at, depth));
    return all(checks);
  }

  private readonly rules: Readonly<Record<string, Rule>> = {
    type: (found, at) => typeRule(found, at),
    enum: (found, at) => oneOfValues(listIn(found, at), "is none of the values that are allowed"),
    const: (found) => oneOfValues([found], "is not the one value that is allowed"),
    required: (found, at) => requiredRule(textsIn(found, at)),
    minLength: (found, at) => lengthRule(countIn(found, at), "min", textLength, "characters"),
    maxLength: (found, at) => lengthRule(countIn(found, at), "max", textLength, "characters"),
    minItems: (found, at) => lengthRule(countIn(found, at), "min", itemCount, "items"),
    maxItems: (found, at) => lengthRule(countIn(found, at), "max", itemCount, "items"),
    minProperties: (found, at) => lengthRule(countIn(found, at), "min", memberCount, "members"),
    maxProperties: (found, at) => lengthRule(countIn(found, at), "max", memberCount, "members"),
    minimum: (found, at) => boundRule(numberIn(found, at), (value, bound) => value >= bound, "less than"),
    maximum: (found, at) => boundRule(numberIn(found, at), (value, bound) => value <= bound, "more than"),
    exclusiveMinimum: (found, at) => boundRule(numberIn(found, at), (value, bound) => value > bound, "not more than"),
    exclusiveMaximum: (found, at) => boundRule(numberIn(found, at), (value, bound) => value < bound, "not less than"),
    pattern: (found, at) => patternRule(found, at),
    items: (found, at, depth) => itemsRule(this.schema(found, at, depth + 1)),
    properties: (found, at) => asked(found, at),
    additionalProperties: () => nothing,
    allOf: (found, at, depth) => all(this.schemas(found, at, depth)),
    anyOf: (found, at, depth) => anyRule(this.schemas(found, at, depth)),
    not: (found, at, depth) => notRule(this.schema(found, at, depth + 1)),
  };

  private schemas(found: ExactValue, at: string, depth: number): Validate[] {
    return listIn(found, at).map((one, index) => this.schema(one, `${at}/${index}`, depth + 1));
  }

  /** `properties` and `additionalProperties` together: the latter is about what the former does not name. */
  private members(schema: ExactObject, at: string, depth: number): Validate {
    const properties = schema.get("properties");
    const own = new Map<string, Validate>();
    if (properties !== undefined && isExactObject(properties))
      for (const [name, one] of properties) own.set(name, this.schema(one, `${at}/properties/${name}`, depth + 1));
    const others = schema.get("additionalProperties");
    const rest = others === undefined ? undefined : this.schema(others, `${at}/additionalProperties`, depth + 1);
    if (own.size === 0 && rest === undefined) return nothing;
    return (value, path) => {
      if (!isExactObject(value)) return undefined;
      for (const [name, member] of value) {
        const problem = (own.get(name) ?? rest)?.(member, `${path}/${name}`);
        if (problem !== undefined) return problem;
      }
      return undefined;
    };
  }
}

function nothing(): undefined {
  return undefined;
}

function all(checks: readonly Validate[]): Validate {
  return (value, path) => {
    if (isSpent()) return spent;
    for (const check of checks) {
      const problem = check(value, path);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

function anyRule(schemas: readonly Validate[]): Validate {
  return (value, path) =>
    schemas.some((schema) => schema(value, path) === undefined)
      ? undefined
      : `${shown(path)} is nothing of what is allowed`;
}

function notRule(schema: Validate): Validate {
  return (value, path) => (schema(value, path) === undefined ? `${shown(path)} is what is not allowed` : undefined);
}

const types = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  array: isExactArray,
  object: isExactObject,
  number: isNumber,
  integer: (value) => typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value)),
} as const satisfies Record<string, (value: ExactValue) => boolean>;

function isNumber(value: ExactValue): boolean {
  return typeof value === "bigint" || typeof value === "number" || value instanceof InexactNumber;
}

function isTypeName(name: string): name is keyof typeof types {
  return Object.hasOwn(types, name);
}

function typeRule(found: ExactValue, at: string): Validate {
  const names = typeof found === "string" ? [found] : textsIn(found, at);
  const tests = names.map((name) => {
    if (!isTypeName(name))
      throw new SchemaProblem(`\`${at}\` names no type; there are ${Object.keys(types).join(", ")}`);
    return types[name];
  });
  return (value, path) =>
    tests.some((is) => is(value)) ? undefined : `${shown(path)} is not of the type ${names.join(" or ")}`;
}

function oneOfValues(allowed: readonly ExactValue[], sentence: string): Validate {
  return (value, path) => (allowed.some((one) => equal(one, value)) ? undefined : `${shown(path)} ${sentence}`);
}

function requiredRule(names: readonly string[]): Validate {
  return (value, path) => {
    if (!isExactObject(value)) return undefined;
    const missing = names.find((name) => !value.has(name));
    return missing === undefined ? undefined : `${shown(`${path}/${missing}`)} is missing`;
  };
}

type Length = (value: ExactValue) => number | undefined;

const textLength: Length = (value) => (typeof value === "string" ? [...value].length : undefined);
const itemCount: Length = (value) => (isExactArray(value) ? value.length : undefined);
const memberCount: Length = (value) => (isExactObject(value) ? value.size : undefined);

function lengthRule(bound: number, side: "min" | "max", lengthOf: Length, what: string): Validate {
  return (value, path) => {
    const length = lengthOf(value);
    if (length === undefined || (side === "min" ? length >= bound : length <= bound)) return undefined;
    return `${shown(path)} has ${side === "min" ? "fewer" : "more"} than ${bound} ${what}`;
  };
}

type Bound = bigint | number;

function boundRule(bound: Bound, holds: (value: Bound, bound: Bound) => boolean, than: string): Validate {
  return (value, path) => {
    if (value instanceof InexactNumber) return `${shown(path)} is a number that cannot be held exactly`;
    if ((typeof value !== "bigint" && typeof value !== "number") || holds(value, bound)) return undefined;
    return `${shown(path)} is ${than} ${bound}`;
  };
}

function patternRule(found: ExactValue, at: string): Validate {
  if (typeof found !== "string") throw new SchemaProblem(`\`${at}\` is not a text`);
  const problem = patternProblem(found);
  if (problem !== undefined) throw new SchemaProblem(`\`${at}\` ${problem}`);
  const pattern = patternOf(found);
  return (value, path) => {
    if (typeof value !== "string") return undefined;
    if (isSpent(value.length / charsPerStep)) return spent;
    return pattern.test(value) ? undefined : `${shown(path)} does not match the pattern`;
  };
}

function itemsRule(schema: Validate): Validate {
  return (value, path) => {
    if (!isExactArray(value)) return undefined;
    for (const [index, item] of value.entries()) {
      const problem = schema(item, `${path}/${index}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** Looked at with `additionalProperties`, which is about the others. */
function asked(found: ExactValue, at: string): Validate {
  if (!isExactObject(found)) throw new SchemaProblem(`\`${at}\` is not an object`);
  return nothing;
}

function listIn(found: ExactValue, at: string): readonly ExactValue[] {
  if (!isExactArray(found) || found.length === 0)
    throw new SchemaProblem(`\`${at}\` is not a list with something in it`);
  return found;
}

function textsIn(found: ExactValue, at: string): string[] {
  if (!isExactArray(found)) throw new SchemaProblem(`\`${at}\` is not a list`);
  return found.map((one) => {
    if (typeof one !== "string") throw new SchemaProblem(`\`${at}\` holds what is no text`);
    return one;
  });
}

function countIn(found: ExactValue, at: string): number {
  if (typeof found !== "bigint" || found < 0n || found > BigInt(Number.MAX_SAFE_INTEGER))
    throw new SchemaProblem(`\`${at}\` is not a whole number from 0 on`);
  return Number(found);
}

function numberIn(found: ExactValue, at: string): Bound {
  if (typeof found === "bigint" || typeof found === "number") return found;
  throw new SchemaProblem(`\`${at}\` is not a number that can be held exactly`);
}

function equal(a: ExactValue, b: ExactValue): boolean {
  if (isSpent()) return false;
  if (isExactArray(a))
    return isExactArray(b) && a.length === b.length && a.every((one, at) => equal(one, b[at] ?? null));
  if (isExactObject(a)) {
    if (!isExactObject(b) || a.size !== b.size) return false;
    return [...a].every(([name, one]) => b.has(name) && equal(one, b.get(name) ?? null));
  }
  // An integer equals a double that is the same number; one that cannot be held exactly equals nothing.
  return (typeof a === "bigint" || typeof a === "number") && (typeof b === "bigint" || typeof b === "number")
    ? a == b // oxlint-disable-line eqeqeq
    : a === b;
}

function shown(path: string): string {
  return path === "" ? "It" : `\`${path}\``;
}
