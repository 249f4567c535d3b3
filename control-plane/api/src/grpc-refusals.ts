// What was refused at the gRPC door: counted by code, and told as an alarm where it is about who somebody is. An alarm is
// told at once and then at most every ten seconds for each code, with how many there were in between, so that a stranger
// can fill neither the log nor the disk.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { OnRefused } from "./grpc-server.ts";
import type { Log } from "./log-output.ts";

export type GrpcRefusals = {
  refused: OnRefused;
  /** Somebody who did not come as far as a call. */
  stranger(about: { reason: string; from: string | undefined }): void;
  byCode(): ReadonlyMap<ErrorCode, number>;
};

const alarming = /^(enrolment\.|proxy\.id-in-use$)/;
const quietMs = 10_000;

export function createGrpcRefusals(log: Log, monotonicMs: () => number): GrpcRefusals {
  const counts = new Map<ErrorCode, number>();
  const told = new Map<ErrorCode, { atMs: number; count: number }>();

  function add(code: ErrorCode, about: Record<string, unknown>): void {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    if (!alarming.test(code)) return;
    const last = told.get(code);
    if (last && monotonicMs() - last.atMs < quietMs) return;
    told.set(code, { atMs: monotonicMs(), count });
    log.error({ code, ...about, refused: count - (last?.count ?? 0) }, "alarm: a caller was refused at the gRPC door");
  }

  return {
    refused: (code, { caller, from }) => add(code, { from, proxyId: caller?.proxyId, boot: caller?.boot }),
    stranger: (about) => add("enrolment.certificate-refused", about),
    byCode: () => counts,
  };
}
