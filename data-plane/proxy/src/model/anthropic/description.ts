// What Claude Code says of the work that a call belongs to.

import type { IncomingHttpHeaders } from "node:http";
import type { Work } from "../format.ts";
import { textIn } from "../header-values.ts";

export function workIn(headers: IncomingHttpHeaders): Work {
  return {
    sessionId: textIn(headers, "x-claude-code-session-id"),
    agentId: textIn(headers, "x-claude-code-agent-id"),
    parentAgentId: textIn(headers, "x-claude-code-parent-agent-id"),
  };
}
