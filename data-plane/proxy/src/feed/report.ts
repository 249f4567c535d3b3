// Tells the control plane once a second what this proxy has applied, and learns how far its facts have arrived. A report
// that fails is not repeated: the next one says more. The first one after a failure says that the control plane is back.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FactCursor, ReportRequestSchema } from "@tollgate/schema/sync";
import type { ControlPlane } from "../grpc.ts";

export type ReportParts = {
  control: Pick<ControlPlane, "sync">;
  /** Undefined while there is nothing to report yet. */
  report: () => MessageInitShape<typeof ReportRequestSchema> | undefined;
  onStored: (cursors: readonly FactCursor[]) => void;
  /** Kinds whose state is not the log's at the position that was reported. */
  onDiverged: (kinds: readonly string[], reported: MessageInitShape<typeof ReportRequestSchema>) => void;
  onReconnected: () => void;
};

export type Reporting = { stop(): void };

const everyMs = 1_000;

export function startReporting({ control, report, onStored, onDiverged, onReconnected }: ReportParts): Reporting {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isFailing = false;

  async function send(): Promise<void> {
    const request = report();
    try {
      if (request) {
        const { stored, diverged } = await control.sync.report(request);
        if (isFailing) onReconnected();
        isFailing = false;
        onStored(stored);
        onDiverged(diverged, request);
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
