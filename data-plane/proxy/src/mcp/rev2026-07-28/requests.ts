// Requests of clients of 2026-07-28: each stands by itself and says who asks and what he can do. What headers repeat has to
// agree with the body before anything is decided, because what stands between the client and the gate may have gone by the
// headers.

import type { IncomingHttpHeaders } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { resultMessage } from "../answers.ts";
import { readCapabilities } from "../capability-set.ts";
import { logLevelOf, type Client } from "../client.ts";
import { discoverResult, instructionsFor, legacyVersions } from "../downstream/introduction.ts";
import type { McpRequest } from "../forward/errand.ts";
import { paramHeaderProblem } from "../forward/param-headers.ts";
import { serveMethod, type Entered, type MethodParts } from "../methods.ts";
import { modernVersion } from "../upstream/modern-call.ts";
import { hasDoubles, textIn } from "../../bytes/edits.ts";
import { textValue } from "../../bytes/members.ts";
import { type Envelope } from "../wire/envelope.ts";
import { textOfHeader } from "../wire/header-value.ts";

export type ModernRefusal = { readonly code: ErrorCode; readonly detail?: string; readonly data?: object };

const metaVersion = "params>_meta>io.modelcontextprotocol/protocolVersion";
const metaCapabilities = "params>_meta>io.modelcontextprotocol/clientCapabilities";
const metaInfo = "params>_meta>io.modelcontextprotocol/clientInfo";

/**
 * Whether a message is of this era, by what only its clients send. `mcp-method` alone says nothing: mcp-remote sends it with
 * legacy requests.
 */
export function isModern(headers: IncomingHttpHeaders, { at }: Envelope): boolean {
  if (at[metaVersion] !== undefined) return true;
  const version = headers["mcp-protocol-version"];
  return version !== undefined && !legacyVersions.some((legacy) => legacy === version);
}

/** Empty where it names none. */
export function versionIn(body: Buffer, { at }: Envelope): string {
  return textValue(body, at[metaVersion]) ?? "";
}

/** Who the client of a request is; or what is wrong with it. */
export function readClient(
  headers: IncomingHttpHeaders,
  body: Buffer,
  { at }: Envelope,
  servesLegacy: boolean,
): Client | ModernRefusal {
  const version = textValue(body, at[metaVersion]);
  const declared = at[metaCapabilities];
  if (version === undefined) return lacks("protocolVersion");
  if (headers["mcp-protocol-version"] !== version) return mismatch("mcp-protocol-version");
  if (version !== modernVersion) return unsupported(version, [modernVersion, ...(servesLegacy ? legacyVersions : [])]);
  const capabilities = declared && readCapabilities(textIn(body, declared));
  if (capabilities === undefined) return lacks("clientCapabilities");
  if (typeof capabilities === "string") return { code: capabilities };
  const info = at[metaInfo];
  return { era: "modern", version, capabilities, info: info === undefined ? "" : textIn(body, info) };
}

export function unsupported(requested: string, supported: readonly string[]): ModernRefusal {
  const detail = `Served are ${supported.join(", ")}.`;
  return { code: "mcp.version-unsupported", detail, data: { supported, requested } };
}

function lacks(key: string): ModernRefusal {
  return { code: "mcp.meta-missing", detail: `It lacks \`io.modelcontextprotocol/${key}\`.` };
}

function mismatch(header: string): ModernRefusal {
  return { code: "mcp.header-mismatch", detail: `\`${header}\` is missing, or is not what the body says.` };
}

const named: { readonly [method: string]: "params>name" | "params>uri" } = {
  "tools/call": "params>name",
  "prompts/get": "params>name",
  "resources/read": "params>uri",
};

/** What disagrees between headers and body. */
export function headerProblem(
  headers: IncomingHttpHeaders,
  body: Buffer,
  { method, at }: McpRequest["envelope"],
): ModernRefusal | undefined {
  if (headers["mcp-method"] !== method) return mismatch("mcp-method");
  const path = named[method];
  if (path === undefined) return undefined;
  const sent = headers["mcp-name"];
  const said = typeof sent === "string" ? textOfHeader(sent) : undefined;
  return said !== undefined && said === textValue(body, at[path]) ? undefined : mismatch("mcp-name");
}

/** `listen`: opens the stream that a `subscriptions/listen` asks for. */
export function serveModern(
  parts: MethodParts,
  listen: (entered: Entered) => void,
  headers: IncomingHttpHeaders,
  entered: Entered,
  servesLegacy: boolean,
): void {
  const { call, surface, view, principal } = entered;
  const { envelope, body } = call;
  const level = textValue(body, envelope.at["params>_meta>io.modelcontextprotocol/logLevel"]);
  if (level !== undefined && logLevelOf(level) === undefined)
    return parts.accounts.refuse(call, { code: "mcp.params-invalid", detail: "The log level is none." }, { principal });
  // Both are read by their members' names, here or by the server.
  for (const span of [envelope.at["params>inputResponses"], envelope.at["params>notifications"]])
    if (span !== undefined && hasDoubles(body, span))
      return parts.accounts.refuse(call, { code: "mcp.duplicate-member" }, { principal });
  switch (envelope.method) {
    case "server/discover": {
      const instructions = instructionsFor(surface, parts.catalogues, view, principal);
      return call.answering.finish(resultMessage(envelope.id, discoverResult(servesLegacy, instructions)));
    }
    case "subscriptions/listen":
      return listen(entered);
    case "tools/call": {
      // What the key does not reach is not exposed to it: it is refused like what is not there, whatever it wants to see.
      const found = surface.named("tools", view, principal, textValue(body, envelope.at["params>name"]) ?? "");
      const problem = paramHeaderProblem(found?.exposed, headers, body, envelope.at["params>arguments"]);
      if (problem !== undefined)
        return parts.accounts.refuse(call, { code: "mcp.header-mismatch", detail: problem }, { principal });
      break;
    }
    default:
  }
  if (!serveMethod(parts, entered)) parts.accounts.refuse(call, { code: "mcp.method-unknown" }, { principal });
}
export const servedVersion = modernVersion;
