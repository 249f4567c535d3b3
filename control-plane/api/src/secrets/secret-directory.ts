// What is stored under which name, read in one go and straight from the log's own rows and the store, because what is
// decided with it must not lag. Values are opened only of secrets that are a resource's own, with which new ones are compared.

import type { Sql } from "../database.ts";
import type { SecretStore } from "./secret-store.ts";

export type KnownSecret = {
  id: string;
  /** Only of a secret that is a resource's own. */
  value: Uint8Array | undefined;
};

export type SecretDirectory = ReadonlyMap<string, KnownSecret>;

/** The secrets with these names, and all that are these owners' own: "server/docs". */
export async function readSecretDirectory(
  sql: Sql,
  store: Pick<SecretStore, "fetch">,
  wanted: { names: readonly string[]; ofOwners: readonly string[] },
): Promise<SecretDirectory> {
  const rows = await sql.query<{ name: string; id: string; isOwned: boolean }>(
    `SELECT name, substr(stream, length('secret/') + 1) AS id, name LIKE '%/%' AS "isOwned"
     FROM log.name
     WHERE kind = 'secret'
       AND (name = ANY ($1::text[])
         OR (name LIKE '%/%' AND split_part(name, '/', 1) || '/' || split_part(name, '/', 2) = ANY ($2::text[])))`,
    [[...wanted.names], [...wanted.ofOwners]],
  );
  const owned = rows.filter(({ isOwned }) => isOwned).map(({ id }) => id);
  const values = new Map((await store.fetch(sql, owned)).map(({ id, value }) => [id, value]));
  return new Map(rows.map(({ name, id }) => [name, { id, value: values.get(id) }]));
}
