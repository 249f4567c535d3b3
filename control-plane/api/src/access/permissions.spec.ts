// Guarantees of the permission table: no field is reachable without an entry, and what is in the table exists. A control
// plane in which the two differ does not start, and says which field it is about.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSchema, isObjectType, type GraphQLSchema } from "graphql";
import { expect, test } from "vitest";
import {
  checkPermissions,
  permissionProblems,
  PermissionProblem,
  contentPermissions,
  permissions,
  permissionTable,
  rolePermissions,
} from "./permissions.ts";

function schemaOf(sdl: string, withoutResolver: readonly string[] = []): GraphQLSchema {
  const schema = buildSchema(sdl);
  for (const type of [schema.getQueryType(), schema.getMutationType()])
    for (const field of Object.values(type?.getFields() ?? {}))
      if (!withoutResolver.includes(`${type?.name}.${field.name}`)) field.resolve = () => null;
  return schema;
}

/** Gives a field below the root a resolver of its own. */
function resolving(schema: GraphQLSchema, typeName: string, fieldName: string): GraphQLSchema {
  const type = schema.getType(typeName);
  const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
  if (!field) throw new Error(`${typeName}.${fieldName} is not there`);
  field.resolve = () => null;
  return schema;
}

const small = "type Query { log: Int } type Mutation { createTeam: Int }";
const smallTable = { "Query.log": "log:read", "Mutation.createTeam": "teams:write" } as const;

test("table and schema that agree start", () => {
  expect(() => checkPermissions(schemaOf(small), smallTable)).not.toThrow();
});

test("a field without an entry does not start", () => {
  const { "Mutation.createTeam": _, ...table } = smallTable;
  expect(() => checkPermissions(schemaOf(small), table)).toThrow(PermissionProblem);
  expect(permissionProblems(schemaOf(small), table)).toEqual([
    "Mutation.createTeam has no entry in the permission table.",
  ]);
});

test("an entry of Object's own is no permission", () => {
  expect(permissionProblems(schemaOf("type Query { toString: Int }"), {})).toHaveLength(1);
});

test("an entry without a field does not start: it would hide that a field was renamed", () => {
  const table = { ...smallTable, "Query.gone": "log:read" } as const;
  expect(permissionProblems(schemaOf(small), table)).toEqual([
    "The permission table names Query.gone, which the schema does not have.",
  ]);
});

test("a field without a resolver does not start: it would answer null to everybody", () => {
  expect(permissionProblems(schemaOf(small, ["Query.log"]), smallTable)).toEqual(["Query.log has no resolver."]);
});

test("a field that leads to another resource does not start without an entry, nor an entry without its resolver", () => {
  const sdl = "type Query { log: Key } type Key { id: Int team: Int }";
  expect(permissionProblems(resolving(schemaOf(sdl), "Key", "team"), { "Query.log": "log:read" })).toEqual([
    "Key.team has no entry in the permission table.",
  ]);
  const table = { "Query.log": "log:read", "Key.team": "teams:read" } as const;
  expect(permissionProblems(schemaOf(sdl), table)).toEqual(["Key.team has no resolver."]);
  expect(permissionProblems(resolving(schemaOf(sdl), "Key", "team"), table)).toEqual([]);
});

test("the product's own table and schema agree, and the owner may do everything", () => {
  const sdl = readFileSync(fileURLToPath(import.meta.resolve("@tollgate/schema/admin.graphql")), "utf8");
  const schema = schemaOf(sdl);
  for (const field of Object.keys(permissionTable)) {
    const [type = "", name = ""] = field.split(".");
    if (type !== "Query" && type !== "Mutation") resolving(schema, type, name);
  }
  expect(permissionProblems(schema, permissionTable)).toEqual([]);
  expect([...rolePermissions.owner].sort()).toEqual([...permissions].sort());
  const used = new Set([...Object.values(permissionTable), ...Object.values(contentPermissions)]);
  expect(permissions.filter((permission) => !used.has(permission))).toEqual([]);
});
