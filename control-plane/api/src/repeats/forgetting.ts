// Deletes what is no longer kept, for as long as the process runs: answers, and what proxies saw of servers that are gone.
// Whether an answer still counts is decided by its own time, wherever this is; it only keeps tables from growing. Several
// processes may do it at once.

import { forgetUnseen } from "../catalogue/store.ts";
import type { Database } from "../database.ts";
import { forgetExpired } from "../log/kept-answer.ts";
import { approvalTable } from "../servers/server.projection.ts";

const everyMs = 15 * 60_000;

export type Forgetting = { database: Database; nowMs: () => number; onProblem: (error: unknown) => void };

/** Answers how to stop. */
export function startForgetting({ database, nowMs, onProblem }: Forgetting): () => void {
  const timer = setInterval(() => void forgetAll(database, nowMs()).catch(onProblem), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

export async function forgetAll(database: Pick<Database, "sql">, nowMs: number): Promise<void> {
  while ((await forgetExpired(database.sql, nowMs)) > 0);
  await forgetUnseen(database.sql, approvalTable);
}
