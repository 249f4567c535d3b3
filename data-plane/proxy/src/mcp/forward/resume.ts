// A request that brings the state of a call that waits is another leg of that call, and no call of its own. The state is opened
// for the key that brings it and compared with what the request is about; what does not fit is refused without a word
// about why.

import type { Step } from "../../pipeline/call.ts";
import { textValue } from "../wire/envelope.ts";
import type { Leg } from "./errand.ts";
import type { Forwarding } from "./forward.ts";
import { digestOf } from "./parked-calls.ts";
import { errorMessage } from "../answers.ts";

export function resumeOr({ catalogues, parked, accounts }: Forwarding, next: Step<Leg>): Step<Leg> {
  return (leg) => {
    const { call, principal, server } = leg;
    const { body, envelope, client } = call;
    const span = envelope.at["params>requestState"];
    // A modern server's state is its own; what a legacy client calls so is no state at all.
    if (span === undefined || client.era === "legacy" || catalogues.of(server.id)?.era === "modern") return next(leg);
    const keyId = principal.key.id;
    const state = parked.open(keyId, textValue(body, span) ?? "");
    const refuse = (code: "mcp.state-invalid" | "mcp.call-lost"): void => {
      const serverEra = catalogues.of(server.id)?.era;
      const nothing = { upstreamStatus: 0, responseBytes: 0, firstByteMs: 0 };
      const completion = { outcome: "answered", ...nothing, serverEra } as const;
      accounts.completed(leg, completion, () => call.answering.finish(errorMessage(envelope.id, code)));
    };
    if (state === undefined || state.digest !== digestOf(body, envelope)) return refuse("mcp.state-invalid");
    const waiting = state.isOurs ? parked.find(state, keyId) : undefined;
    if (waiting === undefined) return refuse("mcp.call-lost");
    waiting.resume(leg, state.round);
  };
}
