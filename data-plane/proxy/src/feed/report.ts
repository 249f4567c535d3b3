// Tells the control plane once a second what this proxy has applied, and learns how far its facts have arrived. A report
// that fails is not repeated: the next one says more. The first one after a failure says that the control plane is back.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReportReply, ReportRequestSchema } from "@tollgate/schema/sync";
import type { ControlPlane } from "../grpc.ts";

export type ReportParts = {
  control: Pick<ControlPlane, "sync">;
  /** Undefined while there is nothing to report yet. */
  report: () => MessageInitShape<typeof ReportRequestSchema> | undefined;
  onAnswer: (answer: ReportReply) => void;
  onReconnected: () => void;
};

export type Reporting = { stop(): void };

const everyMs = 1_000;

export function startReporting({ control, report, onAnswer, onReconnected }: ReportParts): Reporting {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isFailing = false;

  async function send(): Promise<void> {
    const request = report();
    try {
      if (request) {
        const answer = await control.sync.report(request);
        if (isFailing) onReconnected();
        isFailing = false;
        onAnswer(answer);
      }
    } catch {
      // The follower logs that the control plane is away; saying it every second would help nobody.
      isFailing = true;
    }
    if (!isStopped) timer = setTimeout(() => void send(), everyMs);
  }

  void send();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
