// How facts become rows: one multi-row INSERT for each table, whatever the batch's size, and cells that PostgreSQL takes
// whatever a proxy of another version, a client or a provider wrote: texts and lists are cut, characters that it refuses are
// replaced, numbers end where its own do. Which table has which columns is said beside what is put into them.

import type { Sql } from "../database.ts";
import { int8Max } from "./batch.ts";

export type Cell = string | bigint | number | boolean | Uint8Array | readonly string[] | null;
export type Table = { readonly name: string; readonly columns: Readonly<Record<string, string>> };
export type Row<T extends Table> = Readonly<Record<keyof T["columns"], Cell>>;

/** Where in the proxies' sequences a row belongs. */
export const place = { proxy_id: "text", epoch: "bigint", seq: "bigint" } as const;
/** What the batch says of a row, and not its fact's kind. */
export type Placed = keyof typeof place | "time" | "link";

/** Bounds on what a proxy of another version may send; ours cuts shorter. */
const textCharsMax = 512;
const listItemsMax = 256;

export function text(value: string): string {
  return value.slice(0, textCharsMax).replaceAll("\0", "\u{fffd}").toWellFormed();
}

export function count(value: bigint): bigint {
  return value > int8Max ? int8Max : value;
}

/** A hundred million dollars: no call costs more, and sums of what a faulty proxy says do not end where PostgreSQL's numbers do. */
const costMax = 10n ** 17n;

export function cost(nanoUsd: bigint): bigint {
  return nanoUsd > costMax ? costMax : nanoUsd;
}

export function texts(values: readonly string[]): readonly string[] {
  return values.slice(0, listItemsMax).map(text);
}

/** A status of HTTP, where there was an answer. */
export function status(value: number): number | null {
  return value === 0 ? null : Math.min(value, 999);
}

export async function insert<T extends Table>(sql: Sql, table: T, rows: readonly Row<T>[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.entries(table.columns);
  const names = columns.map(([name]) => name).join(", ");
  const arrays = columns.map(([, type], index) => `$${index + 1}::${isList(type) ? "text" : type}[]`).join(", ");
  const cells = columns.map(([name, type]) => (isList(type) ? `${name}::${type}` : name)).join(", ");
  const values = columns.map(([name]) => rows.map((row: Readonly<Record<string, Cell>>) => cell(row[name])));
  await sql.query(
    `INSERT INTO ${table.name} (${names}) SELECT ${cells} FROM unnest(${arrays}) AS given (${names})`,
    values,
  );
}

/** An array of arrays would have to be a rectangle, so each list goes as the text of an array. */
function isList(type: string): boolean {
  return type.endsWith("[]");
}

/** The driver writes arrays as text, for which only a Buffer has its own form. */
function cell(value: Cell | undefined): Cell | Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === "object" && value !== null) return arrayText(value);
  return value ?? null;
}

function arrayText(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(",")}}`;
}
