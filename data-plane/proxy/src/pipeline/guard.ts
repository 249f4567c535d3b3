// What is done about a call from within an event, where nobody would catch: a bug may cost this call and not the worker.

import type { Log } from "../log-output.ts";
import type { Call } from "./call.ts";
import type { Accounts } from "./record.ts";

export type Guard = (call: Call, serve: () => void) => void;

export function guardCalls({ accounts, log }: { accounts: Pick<Accounts, "refuse">; log: Log }): Guard {
  return (call, serve) => {
    try {
      serve();
    } catch (error) {
      log.error({ err: error, requestId: call.requestId }, "a request met a bug");
      accounts.refuse(call, { code: "internal.bug" });
    }
  };
}
