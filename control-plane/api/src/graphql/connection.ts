// Relay connections over keysets: a cursor is the sort key of its row, so a page costs the same however deep it is, and
// rows that come or go elsewhere move nothing. Cursors are opaque to callers and checked when they come back.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { PageInfo } from "../gen/graphql.ts";

/** Where the caller does not say. */
const pageRows = 50;

export type PageArgs = { first?: number | null | undefined; after?: string | null | undefined };

/** A page's first row and how many. `after` is the sort key of the row before it. */
export type Page = { take: number; after: readonly string[] | undefined };

export function pageOf({ first, after }: PageArgs, keyParts: number): Page {
  const take = first ?? pageRows;
  if (take < 1 || take > limits.pageRowsMax)
    throw new TollgateError("request.invalid", `\`first\` is a number from 1 to ${limits.pageRowsMax}.`);
  return { take, after: after === undefined || after === null ? undefined : fromCursor(after, keyParts) };
}

export type Connection<Node> = { edges: { cursor: string; node: Node }[]; nodes: Node[]; pageInfo: PageInfo };

/** `rows` were read with `take + 1` as limit: one row too many says that there is a next page. */
export function connectionOf<Row, Node>(
  page: Page,
  rows: readonly Row[],
  keyOf: (row: Row) => readonly string[],
  toNode: (row: Row) => Node,
): Connection<Node> {
  const edges = rows.slice(0, page.take).map((row) => {
    return { cursor: toCursor(keyOf(row)), node: toNode(row) };
  });
  return {
    edges,
    nodes: edges.map(({ node }) => node),
    pageInfo: {
      hasNextPage: rows.length > page.take,
      hasPreviousPage: page.after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function toCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

function fromCursor(cursor: string, keyParts: number): readonly string[] {
  const key = parsed(cursor);
  if (!Array.isArray(key) || key.length !== keyParts || !key.every((part) => typeof part === "string"))
    throw new TollgateError("request.invalid", "`after` is not a cursor of this list.");
  return key;
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
