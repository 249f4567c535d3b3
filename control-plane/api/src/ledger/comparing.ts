// Once an hour all balances are worked out from the journal; a long one that was right goes on from where it was read to, so that
// a process reads it whole once. A difference is a bug or a hand in the database; it is told, again
// and again, and nothing is changed by it.

import type { Database } from "../database.ts";
import { compareAll, type Compared, type Difference } from "./rebuild.ts";

export type ComparingParts = {
  database: Pick<Database, "sql" | "transaction">;
  onDifference: (difference: Difference) => void;
  onProblem: (error: unknown) => void;
};

const everyMs = 3_600_000;

/** Answers how it is stopped. */
export function startComparing({ database, onDifference, onProblem }: ComparingParts): () => void {
  const compared: Compared = new Map();
  let isUnderWay = false;
  const compare = (): void => {
    if (isUnderWay) return;
    isUnderWay = true;
    compareAll(database, compared)
      .then((differences) => differences.forEach(onDifference))
      .catch(onProblem)
      .finally(() => (isUnderWay = false));
  };
  const timer = setInterval(compare, everyMs).unref();
  return () => clearInterval(timer);
}
