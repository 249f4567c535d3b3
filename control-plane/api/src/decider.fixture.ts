// given … when … then: specs of deciders as sentences. Events in, a command, and the events and name rules out, or the
// refusal; nothing runs but `evolve` and `decide`.

import type { Message } from "@bufbuild/protobuf";
import { fold, type Decider, type NameRules, type Refusal } from "@tollgate/kernel/decider";
import { expect } from "vitest";

export function given<S, C, E extends Message, R extends Refusal>(decider: Decider<S, C, E, R>) {
  return (...events: E[]) => {
    const state = fold(decider, events);
    return {
      state,
      when(command: C) {
        const decision = decider.decide(command, state);
        return {
          then(expected: readonly E[], rules: NameRules = {}): S {
            expect(decision).toEqual({ outcome: "accepted", events: expected, ...rules });
            return decision.outcome === "accepted" ? fold(decider, [...events, ...decision.events]) : state;
          },
          refused(refusal: { kind: R["kind"] } & Record<string, unknown>): void {
            expect(decision).toMatchObject({ outcome: "refused", refusal });
          },
        };
      },
    };
  };
}
