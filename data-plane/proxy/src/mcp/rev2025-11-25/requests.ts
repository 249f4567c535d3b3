// Messages of clients of the versions with sessions: a session begins with `initialize` and is named by every message after
// it. Requests are served within it; answers to a server's questions, and notifications, find their way by it.

import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "../../pipeline/call.ts";
import { resultMessage } from "../answers.ts";
import { noCapabilities, readCapabilities } from "../capability-set.ts";
import { logLevelOf, logLevels, type Client } from "../client.ts";
import type { ClientSession, ClientSessions } from "../downstream/client-sessions.ts";
import { initializeResult, instructionsFor, legacyVersions, versionFor } from "../downstream/introduction.ts";
import { serveMethod, type Entered, type MethodParts } from "../methods.ts";
import type { Peers } from "../upstream/peers.ts";
import { textIn } from "../../bytes/edits.ts";
import { textValue } from "../../bytes/members.ts";
import type { Envelope, RequestEnvelope } from "../wire/envelope.ts";
import { subscribe, unsubscribe, type StreamParts } from "./streams.ts";

export type LegacyDoorParts = MethodParts & StreamParts & { readonly sessions: ClientSessions; readonly peers: Peers };

export const sessionHeader = "mcp-session-id";

/** The client that an `initialize` speaks of; or what is wrong with it. */
export function readClient(body: Buffer, { at }: RequestEnvelope): Client | Refusal {
  const declared = at["params>capabilities"];
  const capabilities = declared === undefined ? noCapabilities : readCapabilities(textIn(body, declared));
  if (capabilities === undefined) return { code: "mcp.params-invalid", detail: "`params.capabilities` is no object." };
  if (typeof capabilities === "string") return { code: capabilities };
  const info = at["params>clientInfo"];
  const version = versionFor(textValue(body, at["params>protocolVersion"]));
  return { era: "legacy", version, capabilities, info: info === undefined ? "" : textIn(body, info) };
}

/** That an `initialize` asks for; empty in all else. */
export function versionIn(body: Buffer, { at }: Envelope): string {
  return textValue(body, at["params>protocolVersion"]) ?? "";
}

/** What is wrong with the version that a request names, in its session; the header came with 2025-06-18. */
export function versionProblem(headers: IncomingHttpHeaders, { client }: ClientSession): string | undefined {
  const sent = headers["mcp-protocol-version"];
  if (sent === undefined || sent === client.version) return undefined;
  return `\`mcp-protocol-version\` is not ${client.version}, which the session began with.`;
}

export function answerInitialize(parts: LegacyDoorParts, entered: Entered): void {
  const { call, surface, view, principal } = entered;
  const opened = parts.sessions.open(principal.key.id, call.client);
  if (opened.outcome === "refused") {
    if (opened.reason === "no-key") return parts.accounts.refuse(call, { code: "proxy.not-ready" }, { principal });
    const detail = "The client's capabilities and name are too large.";
    return parts.accounts.refuse(call, { code: "mcp.params-invalid", detail }, { principal });
  }
  const instructions = instructionsFor(surface, parts.catalogues, view, principal);
  const { response } = call.answering;
  if (!response.headersSent) response.setHeader(sessionHeader, opened.session.id);
  call.answering.finish(
    resultMessage(call.envelope.id, initializeResult(versionFor(call.client.version), instructions)),
  );
}

export function serveLegacy(parts: LegacyDoorParts, entered: Entered): void {
  const { call, principal } = entered;
  const { id, method } = call.envelope;
  switch (method) {
    case "ping":
      return call.answering.finish(resultMessage(id, "{}"));
    case "logging/setLevel":
      return setLevel(parts, entered);
    case "resources/subscribe":
      return subscribe(parts, entered);
    case "resources/unsubscribe":
      return unsubscribe(parts, entered);
    default:
      if (!serveMethod(parts, entered)) parts.accounts.refuse(call, { code: "mcp.method-unknown" }, { principal });
  }
}

function setLevel({ accounts, peers }: LegacyDoorParts, { call, principal }: Entered): void {
  const level = logLevelOf(textValue(call.body, call.envelope.at["params>level"]));
  if (level === undefined) {
    const detail = `\`params.level\` is none of ${logLevels.join(", ")}.`;
    return accounts.refuse(call, { code: "mcp.params-invalid", detail }, { principal });
  }
  if (call.session !== undefined) {
    call.session.level = level;
    // Servers that are met later are told when they are.
    for (const held of peers.sessionsOf(call.session)) held.hear(level).catch(() => undefined);
  }
  call.answering.finish(resultMessage(call.envelope.id, "{}"));
}

/** What a client says without waiting for anything. */
export function takeMessage(
  { peers }: LegacyDoorParts,
  session: ClientSession,
  body: Buffer,
  envelope: Envelope,
): void {
  if (envelope.kind === "response") return takeAnswer(session, envelope.id, body);
  if (envelope.kind === "request") return;
  switch (envelope.method) {
    case "notifications/cancelled": {
      const span = envelope.at["params>requestId"];
      if (span !== undefined) session.underWay.get(textIn(body, span))?.();
      return;
    }
    case "notifications/roots/list_changed":
    case "notifications/progress":
      for (const held of peers.sessionsOf(session)) held.notify(body);
      return;
    default:
  }
}

function takeAnswer(session: ClientSession, id: string, body: Buffer): void {
  // Some clients write a number's text; the gate's ids are numbers.
  const number = id.startsWith('"') ? String(JSON.parse(id)) : id;
  session.asked(number)?.onAnswer(body);
}

export const servedVersions: readonly string[] = legacyVersions;
