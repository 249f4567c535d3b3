// What nobody may force. A proxy from before policies refuses the scopes that stand beside a policy's own; where there are none,
// it would go on as if there were no policy. Such a policy waits until those proxies are gone.

import type { PolicyCommand } from "./policy.decider.ts";

export function isUncovered(command: PolicyCommand): boolean {
  return command.kind !== "retire" && !command.rule.disabled && command.rule.covers.length === 0;
}
