// The scalars that GraphQL lacks: whole numbers beyond 32 bits as decimal text, moments as RFC 3339, money as decimal text and
// inside as nano-dollars. What cannot be read is the caller's mistake and says so without repeating what was sent.

import { GraphQLScalarType, Kind, type ValueNode } from "graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { formatUsd, parseUsd } from "@tollgate/kernel/money";

const int8Max = 2n ** 63n - 1n;
const instant = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

export function parseCount(value: unknown): bigint | undefined {
  if (typeof value !== "string" || !/^\d{1,19}$/.test(value)) return undefined;
  const count = BigInt(value);
  return count <= int8Max ? count : undefined;
}

export function parseInstant(value: unknown): Date | undefined {
  if (typeof value !== "string") return undefined;
  const day = instant.exec(value)?.[1];
  const ms = Date.parse(value);
  if (day === undefined || Number.isNaN(ms)) return undefined;
  // `Date.parse` takes February 30 for March 2; a day that does not come back as itself is not one.
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? new Date(ms) : undefined;
}

export const scalars = {
  Position: scalar("Position", "a decimal number in a string", parseCount, printCount),
  BigInt: scalar("BigInt", "a decimal number in a string", parseCount, printCount),
  Dollars: scalar("Dollars", "an amount in a string such as 0.25", parseDollars, printDollars),
  DateTime: scalar("DateTime", "an instant such as 2027-01-31T18:00:00Z", parseInstant, printInstant),
};

function scalar<T>(
  name: string,
  rule: string,
  parse: (value: unknown) => T | undefined,
  print: (value: unknown) => string,
): GraphQLScalarType<T, string> {
  const read = (value: unknown): T => {
    const parsed = parse(value);
    if (parsed === undefined) throw new TollgateError("request.invalid", `${name} must be ${rule}.`);
    return parsed;
  };
  return new GraphQLScalarType<T, string>({
    name,
    serialize: print,
    parseValue: read,
    parseLiteral: (node: ValueNode) => read(node.kind === Kind.STRING ? node.value : undefined),
  });
}

function printCount(value: unknown): string {
  if (typeof value !== "bigint") throw new Error("a count is a bigint");
  return value.toString();
}

/** No more than what the schema's fields hold. */
function parseDollars(value: unknown): bigint | undefined {
  const amount = typeof value === "string" ? parseUsd(value) : undefined;
  return amount !== undefined && amount <= int8Max ? amount : undefined;
}

function printDollars(value: unknown): string {
  if (typeof value !== "bigint") throw new Error("money is a bigint");
  return formatUsd(value);
}

function printInstant(value: unknown): string {
  if (!(value instanceof Date)) throw new Error("an instant is a Date");
  return value.toISOString();
}

export function instantToApi(ms: bigint | undefined): Date | null {
  return ms === undefined ? null : new Date(Number(ms));
}
