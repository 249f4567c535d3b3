// What the limits of an account were, without reading all that happened to it: whoever looks for what was overspent asks for the
// most that a limit ever was. An addition alone, and not made concurrently for the reason that 0013 gives.

import { sqlMigration } from "./migration.ts";

export const limitsInTheJournalMigration = sqlMigration(
  "LimitsInTheJournal",
  1796000000028,
  ["CREATE INDEX IF NOT EXISTS journal_limited ON ledger.journal (account, amount) WHERE what = 'limited'"],
  { transaction: false },
);
