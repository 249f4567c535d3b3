// A transaction done again when it lost against others. PostgreSQL has rolled it back then, so that doing it again from its first
// read is safe. It gives up after some times rather than wait for ever, and repeats nothing else: of a broken connection nobody
// knows whether its commit arrived.

import { TollgateError } from "@tollgate/kernel/errors";
import { isWriteConflict } from "./append.ts";

const attemptsMax = 8;

/** `attempt` is told which it is, from 1, and makes a transaction of its own each time. */
export async function repeated<T>(attempt: (attempts: number) => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt(attempts);
    } catch (error) {
      if (!isWriteConflict(error)) throw error;
      if (attempts === attemptsMax) throw new TollgateError("log.conflict", undefined, { cause: error });
    }
  }
}
