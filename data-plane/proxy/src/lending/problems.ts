// What keeps a proxy from the ledger, and how its log tells of it. A line that is down passes, and calls live on what is lent until
// then; what the ledger does not take is a bug, which lasts as long as this process, and nothing is lent any more; what the disk
// does not give or take somebody has to see to. Each is told once: they come again with every try.

import { status } from "@grpc/grpc-js";
import { refusalCode } from "../grpc.ts";
import type { Log } from "../log-output.ts";

/**
 * `unreached`: the line is down, or whoever is at its end cannot answer now. `invalid`: what is said is not taken. `own`: it did not
 * come so far, as where the disk is full.
 */
export type LendingProblem = "unreached" | "invalid" | "own";

export function lendingTeller(log: Pick<Log, "warn" | "error">): (kind: LendingProblem, error: unknown) => void {
  return (kind, error) => {
    const reason = String(error);
    if (kind === "unreached") log.warn({ reason }, "the ledger cannot be reached; calls live on what is lent");
    else if (kind === "own") log.error({ reason }, "what was lent to this proxy cannot be said to the ledger");
    else log.error({ reason }, "the ledger does not take what this proxy says of its leases: a bug in one of the two");
  };
}

export function problemOf(error: unknown): LendingProblem {
  const code = grpcCodeOf(error);
  if (code === undefined) return "own";
  // Too long a message is refused before anybody reads it, without a code of the registry.
  const isTooLong = code === status.RESOURCE_EXHAUSTED && refusalCode(error) === undefined;
  return code === status.INVALID_ARGUMENT || isTooLong ? "invalid" : "unreached";
}

export function grpcCodeOf(error: unknown): status | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "number" ? code : undefined;
}

/** Tells of each kind once: of what is not taken once and for all, of others until they are said to be over. */
export class OncePerProblem {
  private readonly told = new Set<LendingProblem>();
  private readonly onProblem: (kind: LendingProblem, error: unknown) => void;

  constructor(onProblem: (kind: LendingProblem, error: unknown) => void) {
    this.onProblem = onProblem;
  }

  tell(error: unknown): void {
    const kind = problemOf(error);
    if (this.told.has(kind)) return;
    this.told.add(kind);
    this.onProblem(kind, error);
  }

  over(kind: LendingProblem): void {
    this.told.delete(kind);
  }
}
