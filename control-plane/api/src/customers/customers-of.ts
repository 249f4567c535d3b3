// Looks up whose a key's team and user are, for the command that brings both together.

import { scopeOf } from "@tollgate/kernel/ids";
import type { Sql } from "../database.ts";
import { foldStream } from "../log/fold-stream.ts";
import { teamDecider } from "../teams/team.decider.ts";
import { userDecider } from "../users/user.decider.ts";
import type { Customers } from "./customer-of.ts";

export async function customersOf(
  sql: Sql,
  { teamId, userId }: { teamId: string; userId: string },
): Promise<Customers> {
  if (userId === "") return new Map();
  const [team, user] = [await foldStream(sql, teamDecider, teamId), await foldStream(sql, userDecider, userId)];
  return new Map([
    [scopeOf("team", teamId), team?.customerId ?? ""],
    [scopeOf("user", userId), user?.customerId ?? ""],
  ]);
}
