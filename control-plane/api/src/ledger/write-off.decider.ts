// Decisions to write proxies off: to take it that nobody will hear of one again, so that all that was lent to it counts as spent.
// Nothing that was written off comes back by itself, so who is heard of is written off by force alone, and who was lent nothing
// not at all. What is known of the proxy, and what it costs, comes with the command, out of the transaction that does it.

import { create } from "@bufbuild/protobuf";
import { accept, refuse, type Decider } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { LeasesWrittenOffSchema, type LeasesWrittenOff } from "@tollgate/schema/events";
import type { WriteOff } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput, type NothingLent, type NotFound, type ProxyConnected } from "../refusals.ts";

export type Wish = {
  readonly id: string;
  readonly proxyId: string;
  readonly reason: string;
  readonly by: string;
  readonly isForced: boolean;
  readonly timeMs: number;
};

/** What is known of the proxy. */
export type Known = {
  readonly isKnown: boolean;
  /** When it was heard of last, of one that is connected. */
  readonly connectedMs: number | undefined;
  readonly openLeases: number;
  /** Since a restore: it has not restated what was lent to it. */
  readonly isMissing: boolean;
};

/** Dollars are those of budgets; what is lent of their exposures is none of them. */
export type Losses = { readonly leases: number; readonly nanoUsd: bigint; readonly presumedNanoUsd: bigint };

export type WriteOffCommand = { kind: "write-off" } & Wish & Known & Losses;
export type WriteOffRefusal = InvalidInput | NotFound | ProxyConnected | NothingLent;

export const writeOffDecider: Decider<WriteOff | undefined, WriteOffCommand, LeasesWrittenOff, WriteOffRefusal> = {
  stream: "write-off",
  initial: undefined,
  evolve: (_, event) => event.writeOff,
  decide(command) {
    const problem = writeOffProblem(command, command);
    if (problem !== undefined) return refuse(problem);
    const { id, proxyId, reason, by, timeMs, leases, nanoUsd, presumedNanoUsd } = command;
    const isForced = command.connectedMs !== undefined;
    const said = { id, proxyId, reason, by, atMs: BigInt(timeMs), isForced };
    return accept([create(LeasesWrittenOffSchema, { writeOff: { ...said, leases, nanoUsd, presumedNanoUsd } })]);
  },
};

/** Asked before as well: what is refused locks and counts nothing. */
export function writeOffProblem({ proxyId, reason, isForced }: Wish, known: Known): WriteOffRefusal | undefined {
  const max = limits.writeOffReasonCharsMax;
  if (reason.trim() === "") return invalidInput("reason", "is empty");
  if (reason.length > max) return invalidInput("reason", `is longer than ${max} characters`);
  // The journal keeps it, and PostgreSQL has no such texts.
  if (reason.includes("\0") || !reason.isWellFormed()) return invalidInput("reason", "has characters that are none");
  if (!known.isKnown) return { kind: "not-found", scope: scopeOf("proxy", proxyId) };
  if (known.openLeases === 0 && !known.isMissing) return { kind: "nothing-lent", proxyId };
  if (known.connectedMs !== undefined && !isForced) return { kind: "proxy-connected", heardMs: known.connectedMs };
  return undefined;
}
