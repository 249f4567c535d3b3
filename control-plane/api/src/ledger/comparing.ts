// Once an hour all balances are worked out anew from the journal. A difference is a bug or a hand in the database; it is told, again
// and again, and nothing is changed by it.

import type { Database } from "../database.ts";
import { compareAll, type Difference } from "./rebuild.ts";

export type ComparingParts = {
  database: Pick<Database, "sql" | "transaction">;
  onDifference: (difference: Difference) => void;
  onProblem: (error: unknown) => void;
};

const everyMs = 3_600_000;

/** Answers how it is stopped. */
export function startComparing({ database, onDifference, onProblem }: ComparingParts): () => void {
  const compare = (): void => {
    compareAll(database).then((differences) => differences.forEach(onDifference), onProblem);
  };
  const timer = setInterval(compare, everyMs).unref();
  return () => clearInterval(timer);
}
