// What a projection is: a value that says which tables it keeps and which statements an event means for them. It holds no
// connection, no position and no state; the runner does the rest. Its statements must come out the same when they are run
// twice (upserts and deletes by key, no counters), and must depend on nothing but the event and its own tables.

import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type * as schema from "@tollgate/schema/events";
import type { LogEntry } from "../log/read.ts";

export type Statement = { text: string; values: readonly unknown[] };

type Schemas = typeof schema;

/** Every event of the schema under its short name. */
export type EventNamed = {
  [
    Name in keyof Schemas as Name extends `${infer Short}Schema` ? Exclude<Short, "LoggedEvent"> : never
  ]: Schemas[Name] extends GenMessage<infer Event> ? Event : never;
};

// Written as a method, so that a handler of one event may stand in a map of handlers of any: the runner looks it up by the
// very type of the event that it hands over.
export type Handler<Event extends Message> = {
  handle(event: Event, entry: LogEntry): Statement | readonly Statement[];
}["handle"];

export type Projection = {
  /** Lower-case letters, digits and `_`: it becomes part of a schema's name. */
  name: string;
  /** Raised with every change of `tables` or `on`: the new version builds beside the old one. */
  version: number;
  /** `CREATE TABLE …`, without naming a schema. */
  tables: string;
  on: { readonly [Name in keyof EventNamed]?: Handler<EventNamed[Name]> };
};

export function statement(text: string, ...values: readonly unknown[]): Statement {
  return { text, values };
}

/** The PostgreSQL schema that a projection's tables live in: `keys_v1`. Queries name it: `keys_v1.key`. */
export function schemaOf({ name, version }: Pick<Projection, "name" | "version">): string {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(name) || !Number.isSafeInteger(version) || version < 1)
    throw new Error(`${name} version ${version} does not name a projection`);
  return `${name}_v${version}`;
}
