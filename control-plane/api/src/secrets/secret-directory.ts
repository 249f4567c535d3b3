// What is stored under which name, read in one go and straight from the log's own rows and the store, because what is
// decided with it must not lag. Values are opened only of the secrets of servers' own headers, where a file is compared.

import type { Sql } from "../database.ts";
import type { SecretStore } from "./secret-store.ts";

export type KnownSecret = {
  id: string;
  /** Only of a secret that belongs to a server's header. */
  value: Uint8Array | undefined;
};

export type SecretDirectory = ReadonlyMap<string, KnownSecret>;

/** The secrets with these names, and all that belong to the headers of these servers. */
export async function readSecretDirectory(
  sql: Sql,
  store: Pick<SecretStore, "fetch">,
  wanted: { names: readonly string[]; ofServers: readonly string[] },
): Promise<SecretDirectory> {
  const rows = await sql.query<{ name: string; id: string; isOfHeader: boolean }>(
    `SELECT name, substr(stream, length('secret/') + 1) AS id, name LIKE 'server/%' AS "isOfHeader"
     FROM log.name
     WHERE kind = 'secret'
       AND (name = ANY ($1::text[]) OR (name LIKE 'server/%' AND split_part(name, '/', 2) = ANY ($2::text[])))`,
    [[...wanted.names], [...wanted.ofServers]],
  );
  const ofHeaders = rows.filter(({ isOfHeader }) => isOfHeader).map(({ id }) => id);
  const values = new Map((await store.fetch(sql, ofHeaders)).map(({ id, value }) => [id, value]));
  return new Map(rows.map(({ name, id }) => [name, { id, value: values.get(id) }]));
}
