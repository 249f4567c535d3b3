// The answer to `initialize`, given at once from what is known: no server is asked. A client that asks for a version that
// is not served gets the newest, as the protocol says, and decides for itself.

import { requestedVersion } from "./wire/envelope.ts";

export const protocolVersions = ["2025-11-25", "2025-06-18", "2025-03-26"] as const;

export function initializeResult(body: Uint8Array): string {
  const requested = requestedVersion(body);
  const protocolVersion = protocolVersions.find((version) => version === requested) ?? protocolVersions[0];
  const serverInfo = { name: "tollgate", version: "0.1.0" };
  return JSON.stringify({ protocolVersion, capabilities: { tools: {} }, serverInfo });
}
