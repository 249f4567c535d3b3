// Pages of facts out of the usage store, newest first. A page is a keyset read along the index of time, so its cost does not
// grow with its depth, and facts that arrive late show up where they belong, in no page twice. Which table, which columns and
// which filters is the caller's; values never become a part of a statement's text.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";

export type FactPlace = { proxyId: string; epoch: bigint; seq: bigint; time: Date };

/** For each member of a wish the condition that a value at `at` makes. */
export type Conditions<Wish> = { readonly [Name in keyof Wish]-?: (at: string) => string };

export type FactTable<Wish> = {
  readonly name: string;
  readonly columns: string;
  readonly conditions: Conditions<Wish>;
};

/** The parameters of a statement, and how they are named in it. */
export type Values = { readonly list: unknown[]; at(value: unknown): string };

export function newValues(): Values {
  const list: unknown[] = [];
  return { list, at: (value) => `$${list.push(value)}` };
}

export function conditionsOf<Wish extends object>(conditions: Conditions<Wish>, wish: Wish, values: Values): string[] {
  const made: string[] = [];
  for (const name in conditions) {
    const value = wish[name];
    if (value !== undefined) made.push(conditions[name](values.at(value)));
  }
  return made;
}

export function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
}

export const placeKeyParts = 4;

export function placeKey({ time, proxyId, epoch, seq }: FactPlace): readonly string[] {
  return [time.toISOString(), proxyId, epoch.toString(), seq.toString()];
}

/** One row more than the page takes, where there is one. `Row` is what the table's columns select. */
export async function readFactPage<Row, Wish extends object>(
  sql: Sql,
  table: FactTable<Wish>,
  wish: Wish,
  page: Page,
): Promise<Row[]> {
  const values = newValues();
  const { at } = values;
  const conditions = conditionsOf(table.conditions, wish, values);
  if (page.after) {
    const [time = "", proxyId = "", epoch = "", seq = ""] = page.after;
    if (Number.isNaN(Date.parse(time)) || !isCount(epoch) || !isCount(seq)) throw foreignCursor();
    conditions.push(
      `(time, proxy_id, epoch, seq) < (${at(time)}::timestamptz, ${at(proxyId)}, ${at(epoch)}::bigint, ${at(seq)}::bigint)`,
    );
  }
  return sql.query<Row>(
    `SELECT ${table.columns} FROM ${table.name} ${whereOf(conditions)}
     ORDER BY time DESC, proxy_id DESC, epoch DESC, seq DESC LIMIT ${at(page.take + 1)}`,
    values.list,
  );
}

export function foreignCursor(): TollgateError {
  return new TollgateError("request.invalid", "`after` is not a cursor of this list.");
}

function isCount(text: string): boolean {
  return /^\d{1,18}$/.test(text);
}
