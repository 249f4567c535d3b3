// The kind `deny`: every call that it is asked about is refused, with a message for whoever called.

import type { DenyPolicy } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { PolicyRefused, type Judge } from "./answer.ts";

export function compileDeny({ message }: DenyPolicy): Judge {
  if (message.length > limits.policyMessageCharsMax)
    throw new PolicyRefused({
      field: "deny.message",
      message: `it is longer than ${limits.policyMessageCharsMax} characters`,
    });
  const answer = { outcome: "refuses", code: "policy.denied", detail: message } as const;
  return () => answer;
}
