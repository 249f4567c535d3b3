// The rules over many streams, as rows beside the log: a live stream may hold a name that is unique in its kind, and may
// need other streams to keep theirs. All rules of a transaction are applied by one statement, in their order, before the
// append. What the database refuses comes back as a value with the step that it belongs to; the rows are then gone again.

import type { NameRefusal, NameRules } from "@tollgate/kernel/decider";
import * as z from "zod";
import type { Sql } from "../database.ts";

export type NameClaim = { step: number; kind: string; stream: string; rules: NameRules };

export async function applyNames(sql: Sql, claims: readonly NameClaim[]): Promise<void> {
  const rules = claims
    .filter(({ rules: { reserve, refer, release } }) => reserve !== undefined || refer !== undefined || release)
    .map(({ step, kind, stream, rules: { reserve, refer, release } }) => {
      return { step, kind, stream, reserve, refer, release };
    });
  if (rules.length > 0) await sql.query("SELECT log.apply_names($1::jsonb)", [JSON.stringify(rules)]);
}

const refused = z.object({
  step: z.number().int(),
  refusal: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("name-taken"), name: z.string() }),
    z.object({ kind: z.literal("in-use"), by: z.string() }),
    z.object({ kind: z.literal("reference-missing"), scope: z.string() }),
  ]),
});

/** The refusal that an error of `applyNames` carries; undefined for any other error. */
export function nameRefusalIn(error: unknown): { step: number; refusal: NameRefusal } | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "TG001" || !("detail" in error))
    return undefined;
  return refused.parse(JSON.parse(String(error.detail)));
}

/** The id of the live stream of a kind that has this name. */
export async function holderOf(sql: Sql, kind: string, name: string): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    "SELECT substr(stream, length(kind) + 2) AS id FROM log.name WHERE kind = $1 AND name = $2",
    [kind, name],
  );
  return row?.id;
}
