// A `tollgate.yaml` as it would be if it were applied: all decisions are made as they would be and taken back, and what they would
// have made of the state is compared with what there is, for keys and for what servers were seen to have.

import { toBinary, isMessage } from "@bufbuild/protobuf";
import { resourceTypes } from "@tollgate/kernel/catalogue";
import { scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { effectsOf, type Effects, type Tool } from "@tollgate/kernel/policy/effects";
import { fromSnapshot, type Change } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { applyConfiguration, type Applied, type ApplyRequest } from "../configuration/apply.ts";
import type { Sql } from "../database.ts";
import type { AnyStep, Meta } from "../log/handle.ts";
import type { Plane } from "../plane.ts";
import { readView } from "./view-of-log.ts";

type Decided = { readonly steps: readonly AnyStep[]; readonly states: readonly unknown[] };

export type DryRun =
  | Extract<Applied, { outcome: "invalid" }>
  | ({ outcome: "looked" } & Pick<Extract<Applied, { outcome: "applied" }>, "items" | "position"> & Effects);

export async function dryRun(
  plane: Plane,
  meta: Meta,
  request: Pick<ApplyRequest, "text" | "fileName" | "resolve" | "prune">,
): Promise<DryRun> {
  let made: Decided = { steps: [], states: [] };
  const decided = (steps: readonly AnyStep[], states: readonly unknown[]): void => void (made = { steps, states });
  const applied = await applyConfiguration(plane, meta, { ...request, dryRun: true, decided });
  if (applied.outcome === "invalid") return applied;
  const { items, position } = applied;
  const { view, resources, hasAllKeys } = await readView(plane, { wants: () => true, max: limits.dryRunKeysMax });
  const after = viewOf(fromSnapshot(position, changed(resources, made)));
  const found = effectsOf(
    { before: view, after },
    keysOf(view, after),
    await toolsOf(plane.database.sql, [view, after]),
    meta.timeMs,
  );
  return { outcome: "looked", items, position, ...found, isWhole: found.isWhole && hasAllKeys };
}

/** The resources as the steps leave them. */
function changed(resources: readonly Required<Change>[], { steps, states }: Decided): Required<Change>[] {
  const all = new Map(resources.map((one) => [scopeOf(one.kind, one.id), one]));
  for (const [index, { decider, id }] of steps.entries()) {
    const desc = resourceTypes.get(decider.stream)?.desc;
    const state = states[index];
    const scope = scopeOf(decider.stream, id);
    const isOver = !isMessage(state) || ("revokedAtMs" in state && state.revokedAtMs !== undefined);
    if (isOver || desc === undefined) all.delete(scope);
    else all.set(scope, { kind: decider.stream, id, bytes: toBinary(desc, state) });
  }
  return [...all.values()];
}

function keysOf(...views: readonly View[]): string[] {
  const ids = views.flatMap(({ replica }) =>
    [...(replica.kinds.get("key")?.entries.values() ?? [])].map(({ id }) => id),
  );
  return [...new Set(ids)].sort();
}

/** Under the names that servers have, before or after. */
async function toolsOf(sql: Sql, views: readonly View[]): Promise<Tool[]> {
  const names = new Map(
    views.flatMap(({ serversByName }) => [...serversByName.values()].map(({ id, name }) => [id, name] as const)),
  );
  const rows = await sql.query<{ serverId: string; name: string }>(
    `SELECT server_id AS "serverId", name FROM catalogue.entry
     WHERE kind = 'tool' AND gone_at IS NULL AND server_id = ANY ($1::text[]) ORDER BY server_id, name LIMIT $2`,
    [[...names.keys()], limits.dryRunPairsMax],
  );
  return rows.flatMap(({ serverId, name: tool }) => {
    const server = names.get(serverId);
    return server === undefined ? [] : [{ server, tool }];
  });
}
