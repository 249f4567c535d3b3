// Tells the control plane once a second what this proxy has applied, and learns how far its facts have arrived. A report
// that fails is not repeated: the next one says more. The first one after a failure says that the control plane is back; the
// last one says that this boot leaves, so that the next need not wait for the id.

import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReportReply, ReportRequestSchema } from "@tollgate/schema/sync";
import { refusalCode, type ControlPlane } from "../grpc.ts";

export type ReportParts = {
  control: Pick<ControlPlane, "sync">;
  /** Undefined while there is nothing to report yet; who leaves always has something. */
  report: (isLeaving: boolean) => MessageInitShape<typeof ReportRequestSchema> | undefined;
  onAnswer: (answer: ReportReply, reported: MessageInitShape<typeof ReportRequestSchema>) => void;
  onReconnected: () => void;
  /** Another process has this proxy's id; told when it begins. */
  onContested: () => void;
};

export type Reporting = {
  /** Says so, if it can within this time. */
  leave(msMax: number): Promise<void>;
};

const everyMs = 1_000;

export function startReporting({ control, report, onAnswer, onReconnected, onContested }: ReportParts): Reporting {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isFailing = false;
  let isContested = false;

  async function send(): Promise<void> {
    const request = report(false);
    try {
      if (request) {
        const answer = await control.sync.report(request);
        if (isFailing) onReconnected();
        isFailing = false;
        isContested = false;
        onAnswer(answer, request);
      }
    } catch (error) {
      // The follower logs that the control plane is away; saying it every second would help nobody.
      isFailing = true;
      if (refusalCode(error) === "proxy.id-in-use" && !isContested) {
        isContested = true;
        onContested();
      }
    }
    if (!isStopped) timer = setTimeout(() => void send(), everyMs);
  }

  void send();
  return {
    async leave(msMax) {
      isStopped = true;
      clearTimeout(timer);
      const request = report(true);
      if (!request) return;
      const left = control.sync.report({ ...request, leaving: true }).catch(() => undefined);
      await Promise.race([left, delay(msMax, undefined, { ref: false })]);
    },
  };
}
