// How a leg goes out to its server: in that server's era, with an id of this hop, and with what is to be heard of it on the way.
// In which session, and whether at all, is for the call to say.

import type { Era } from "../catalogue/catalogue.ts";
import { logLevelOf, type LogLevel } from "../client.ts";
import type { CallEvents, UpstreamCall } from "../upstream/call.ts";
import type { HeldSession } from "../upstream/held-session.ts";
import type { LegacySession } from "../upstream/legacy-session.ts";
import { ModernCall } from "../upstream/modern-call.ts";
import type { Peer } from "../upstream/peers.ts";
import { textValue } from "../../bytes/members.ts";
import type { Leg } from "./errand.ts";
import { hearsFrom, Notifications } from "./incoming.ts";
import { outgoingBody } from "./outgoing.ts";
import { paramHeadersOf } from "./param-headers.ts";

/** What a retry brings to a modern server: JSON texts. */
export type Retry = { readonly inputResponses: string | undefined; readonly requestState: string | undefined };

export function notificationsFor({ call, server }: Leg, id: number): Notifications {
  const { body, envelope, client, session } = call;
  const token = envelope.at["params>_meta>progressToken"];
  return new Notifications({
    id,
    token: token && body.toString("utf8", token.start, token.end),
    server: server.name,
    hears: client.era === "modern" ? hearsFrom(levelAsked({ call })) : hearsFrom(session?.level ?? "debug"),
  });
}

/** At a legacy server. */
export function sessionFor(peer: Peer, { call, principal }: Leg): HeldSession {
  const { client, session } = call;
  const held = peer.sessionFor({ client, session, keyId: principal.key.id });
  const level = levelAsked({ call });
  if (level !== undefined) held.hear(level).catch(() => undefined); // It is logs alone that are missing then.
  return held;
}

/** What a modern client wants to hear of this one call. */
function levelAsked({ call: { body, envelope } }: Pick<Leg, "call">): LogLevel | undefined {
  return logLevelOf(textValue(body, envelope.at["params>_meta>io.modelcontextprotocol/logLevel"]));
}

export function callLegacy(session: LegacySession, leg: Leg, id: number, events: CallEvents): UpstreamCall {
  return session.call(id, bodyTo("legacy", leg, id), events);
}

export function callModern(peer: Peer, leg: Leg, id: number, events: CallEvents, retry?: Retry): UpstreamCall {
  const { envelope, name, body, exposed, traceparent } = leg.call;
  const hasName = envelope.at["params>ref"] === undefined;
  const headers = paramHeadersOf(exposed, body, envelope.at["params>arguments"]);
  if (traceparent !== undefined) headers.push("traceparent", traceparent);
  return new ModernCall(
    peer.parts,
    {
      id,
      method: envelope.method,
      name: hasName ? name.own : undefined,
      paramHeaders: headers,
      body: bodyTo("modern", leg, id, retry),
    },
    events,
  );
}

function bodyTo(era: Era, leg: Leg, id: number, retry?: Retry): Buffer {
  const { body, envelope, client, name, session } = leg.call;
  const level = session?.level;
  return outgoingBody({ body, envelope, client, name, level, ...(retry === undefined ? {} : { retry }) }, era, id);
}
