// A body that is held for a call, and the room that it takes beside others. Whoever sends it on takes it out, so that nobody
// else keeps it: a call to a model may last minutes, and its body is of no use to anybody once the answer has begun.

import type { BodyHold } from "./body-budget.ts";

export type HeldBody = {
  /** Undefined where there is none, and from the second time on. */
  take(): Buffer | undefined;
  /** For who only reads it, as long as nobody has taken it. */
  peek(): Buffer | undefined;
  /** Gives its room to others. */
  letGo(): void;
};

export function heldBody(bytes: Buffer | undefined, hold: Pick<BodyHold, "letGo">): HeldBody {
  let held = bytes;
  return {
    take() {
      const taken = held;
      held = undefined;
      return taken;
    },
    peek: () => held,
    letGo: () => hold.letGo(),
  };
}
