// The errors of policies, as a part of the registry in `errors.ts`, which says what an entry is.

import type { ErrorEntry } from "../error-shapes.ts";

export const policyErrors = {
  "policy.denied": {
    class: "forbidden",
    text: "A policy refuses this call.",
    help: "`explainCall` of the control plane says which policy spoke and why; the error's decision id names it, too.",
  },
  "policy.arguments-invalid": {
    class: "invalid",
    text: "The arguments are not as a policy wants them.",
    help: "The message says what is wrong first. The policy's schema is beside the server's own.",
    jsonRpc: -32602,
  },
  "policy.failed": {
    class: "forbidden",
    text: "A policy could not be decided for this call, and refuses it.",
    help: "Its expression asks for what the call does not have, a number cannot be held exactly, or it costs too much. Ask with `has(…)` first. The message names the policy and the reason.",
  },
  "policy.scope-refused": {
    class: "forbidden",
    text: "The gate holds a policy about such calls that it cannot enforce, and refuses them until it can.",
    help: "The proxy is older than what the policy needs, or its record is incomplete. Roll the proxies, then look at `fleet`.",
  },
  "policy.not-redactable": {
    class: "forbidden",
    text: "A policy takes something out of such messages, and this one cannot be looked through.",
    help: "It is too large, compressed, or of a form in which the gate does not know where text stands. The message says which.",
  },
} as const satisfies Record<string, ErrorEntry>;
