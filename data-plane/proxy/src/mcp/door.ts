// The door `/mcp` and `/mcp/{group}`: one URL for clients of both eras. It finds out who calls and which era he speaks, and
// hands the message to that; every refusal leaves in JSON-RPC's form. Here is also where the line of a call is put together:
// authenticate, enter the endpoint, authorise, write down the intent, forward.

import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { narrowed, reachesServer } from "@tollgate/kernel/view";
import { Era } from "@tollgate/schema/resources";
import { answerJson, answerRefusal, requestIdHeader } from "../http/answer.ts";
import { readBody, type BodyOutcome } from "../http/body.ts";
import { credentialIn, type Credential } from "../http/credentials.ts";
import type { Door, Exchange } from "../http/listener.ts";
import { originProblem, type OriginRules } from "../http/origin.ts";
import { authenticate, type Authentication } from "../pipeline/authenticate.ts";
import type { Admitted, Call, Refusal } from "../pipeline/call.ts";
import { guardCalls } from "../pipeline/guard.ts";
import type { Accounts } from "../pipeline/record.ts";
import type { Log } from "../log-output.ts";
import { errorMessage, httpStatusOf } from "./answers.ts";
import type { Client } from "./client.ts";
import { answerTogether, type Together } from "./downstream/answering-together.ts";
import { Answering } from "./downstream/answering.ts";
import type { ClientSession, ClientSessions } from "./downstream/client-sessions.ts";
import { EventStream } from "./downstream/event-stream.ts";
import type { StreamPlace, Streams } from "./downstream/streams.ts";
import type { McpRequest } from "./forward/errand.ts";
import type { Entered, MethodParts } from "./methods.ts";
import { isArray, readBatch, type BatchMessage } from "./rev2025-11-25/batch.ts";
import * as legacy from "./rev2025-11-25/requests.ts";
import { connectStream } from "./rev2025-11-25/streams.ts";
import * as modern from "./rev2026-07-28/requests.ts";
import { openListen, readWish, type ListenParts } from "./rev2026-07-28/streams.ts";
import type { Placement } from "./placement/placement.ts";
import type { Surfaces } from "./surface/surfaces.ts";
import { readEnvelope, type Envelope, type RequestEnvelope } from "./wire/envelope.ts";

export type McpDoorParts = Omit<Authentication, "accounts"> & {
  readonly accounts: Accounts;
  readonly surfaces: Surfaces;
  readonly sessions: ClientSessions;
  readonly streams: Streams;
  readonly placement: Placement;
  readonly legacy: legacy.LegacyDoorParts;
  readonly modern: MethodParts;
  readonly listening: ListenParts;
  readonly log: Log;
  readonly settings: OriginRules & { requestBytesMax: number };
};

/** One message on its way in, before it is known whose it is. */
type Arrival = {
  readonly exchange: Exchange;
  readonly credential: Credential;
  readonly group: string | undefined;
};

const unknownClient: Client = { era: "legacy", version: "", capabilities: { text: "{}", names: new Set() }, info: "" };

export function mcpDoor(parts: McpDoorParts): Door {
  const { accounts, settings, sessions } = parts;
  const problemOfOrigin = originProblem(settings);
  const admit = authenticate<McpCall>(parts);
  const guarded = guardCalls(parts);

  return { serve, refuse: ({ response, requestId }, code) => answerRefusal(response, requestId, code) };

  function serve(exchange: Exchange): void {
    const { request } = exchange;
    const call = callOf(exchange, undefined, 0, "null");
    const group = groupIn(exchange.path);
    if (group === null) return accounts.refuse(call, { code: "request.path-unknown" });
    if (request.method !== "POST" && request.method !== "GET" && request.method !== "DELETE")
      return refuseMethod(exchange);
    // What is passed on was looked at where it came in.
    const problem = exchange.from === "client" ? problemOfOrigin(request.headers) : undefined;
    if (problem !== undefined) return accounts.refuse(call, { code: problem });
    // Of a modern client, or of one that looks around: streams and sessions are of the other era alone.
    if (request.method !== "POST" && request.headers[legacy.sessionHeader] === undefined) return refuseMethod(exchange);
    const credential = credentialIn(request);
    if (typeof credential === "string") return accounts.refuse(call, { code: credential });
    const arrival = { exchange, credential, group };
    if (request.method !== "POST") return guarded(call, () => withoutBody(arrival));
    const refusal = headerRefusal(request.headers);
    if (refusal !== undefined) return accounts.refuse(call, refusal);
    // A key's form is no secret: of whoever is not known nothing is kept. `enter` asks again, for who was revoked meanwhile.
    admit(() => readBody(request, settings.requestBytesMax, (result) => guarded(call, () => receive(arrival, result))))(
      { call, credential },
    );
  }

  function receive(arrival: Arrival, result: BodyOutcome): void {
    const { exchange } = arrival;
    if (result.outcome === "broken-off") return;
    if (result.outcome !== "read") {
      exchange.response.setHeader("connection", "close");
      const detail = `A body has at most ${settings.requestBytesMax} bytes.`;
      return accounts.refuse(callOf(exchange, undefined, 0, "null"), { code: "request.too-large", detail });
    }
    const { bytes } = result;
    if (isArray(bytes) && exchange.request.headers[legacy.sessionHeader] !== undefined)
      return receiveBatch(arrival, bytes);
    const envelope = readEnvelope(bytes);
    if (envelope.kind === "refused")
      return accounts.refuse(callOf(exchange, undefined, bytes.length, "null"), envelope);
    if (modern.isModern(exchange.request.headers, envelope)) return receiveModern(arrival, bytes, envelope);
    receiveLegacy(arrival, bytes, envelope);
  }

  function receiveModern(arrival: Arrival, body: Buffer, envelope: Envelope): void {
    const { exchange } = arrival;
    const { headers } = exchange.request;
    const call = callOf(exchange, "modern", body.length, envelope.kind === "notification" ? "null" : envelope.id);
    if (envelope.kind === "response")
      return accounts.refuse(call, { code: "mcp.invalid-request", detail: "A client sends no responses." });
    if (envelope.kind === "notification") return enter(arrival, call, () => acknowledge(exchange));
    enter(arrival, call, ({ view, principal, surface, serves }) => {
      if (!serves.modern) {
        const requested = modern.versionIn(body, envelope);
        return refuseModern(call, modern.unsupported(requested, legacy.servedVersions));
      }
      const client = modern.readClient(headers, body, envelope, serves.legacy);
      const problem = "code" in client ? client : modern.headerProblem(headers, body, envelope);
      if (problem !== undefined || "code" in client) return refuseModern(call, problem);
      const request = requestOf(arrival, call, { client, body, envelope, session: undefined });
      modern.serveModern(
        parts.modern,
        (entered) => listen(arrival, entered),
        headers,
        { call: request, view, principal, surface },
        serves.legacy,
      );
    });
  }

  function refuseModern(call: McpCall, problem: modern.ModernRefusal | undefined): void {
    const { code = "internal.bug", detail, data } = problem ?? {};
    accounts.refuse(call, {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(data === undefined ? {} : { data }),
    });
  }

  function listen(arrival: Arrival, entered: Entered): void {
    const wish = readWish(entered);
    const { principal, call } = entered;
    if (wish === undefined)
      return accounts.refuse(
        call,
        { code: "mcp.params-invalid", detail: "`params.notifications` is no filter." },
        { principal },
      );
    const place = parts.streams.take(principal.key.id);
    if (place === undefined) return accounts.refuse(call, { code: "mcp.streams-full" }, { principal });
    const close = openListen(parts.listening, { entered, ...arrival }, wish, place.leave);
    place.onDrain(close);
  }

  function receiveLegacy(arrival: Arrival, body: Buffer, envelope: Envelope): void {
    const { exchange } = arrival;
    const call = callOf(exchange, "legacy", body.length, envelope.kind === "notification" ? "null" : envelope.id);
    enter(arrival, call, ({ view, principal, surface, serves }) => {
      if (!serves.legacy)
        return refuseModern(call, modern.unsupported(legacy.versionIn(body, envelope), [modern.servedVersion]));
      if (envelope.kind === "request" && envelope.method === "initialize") {
        const client = legacy.readClient(body, envelope);
        if ("code" in client) return accounts.refuse(call, client, { principal });
        const request = requestOf(arrival, call, { client, body, envelope, session: undefined });
        return legacy.answerInitialize(parts.legacy, { call: request, view, principal, surface });
      }
      inSession(arrival, call, principal.key.id, body, (session) => {
        if (envelope.kind !== "request") {
          legacy.takeMessage(parts.legacy, session, body, envelope);
          return acknowledge(exchange);
        }
        const request = requestOf(arrival, call, { client: session.client, body, envelope, session });
        legacy.serveLegacy(parts.legacy, { call: request, view, principal, surface });
      });
    });
  }

  function receiveBatch(arrival: Arrival, body: Buffer): void {
    const { exchange } = arrival;
    const call = callOf(exchange, "legacy", body.length, "null");
    enter(arrival, call, ({ view, principal, surface, serves }) => {
      if (!serves.legacy) return refuseModern(call, modern.unsupported("", [modern.servedVersion]));
      inSession(arrival, call, principal.key.id, body, (session) => {
        const batch = readBatch(body, session);
        if ("code" in batch) return accounts.refuse(call, batch, { principal });
        serveBatch(arrival, { view, principal, surface }, session, batch);
      });
    });
  }

  function serveBatch(
    arrival: Arrival,
    entered: Omit<Entered, "call">,
    session: ClientSession,
    batch: readonly BatchMessage[],
  ): void {
    const { exchange } = arrival;
    const { principal } = entered;
    const answers = batch.filter((one) => "refusal" in one || one.envelope.kind === "request").length;
    if (answers === 0) acknowledge(exchange);
    const together = answerTogether(exchange, () => session.makeStream(), answers);
    for (const { bytes, ...one } of batch) {
      if ("refusal" in one) {
        accounts.refuse(partOf(exchange, bytes, one.id, together), one.refusal, { principal });
        continue;
      }
      const { envelope } = one;
      if (envelope.kind !== "request") legacy.takeMessage(parts.legacy, session, bytes, envelope);
      else {
        const part = partOf(exchange, bytes, envelope.id, together);
        const more = { client: session.client, body: bytes, envelope, session };
        legacy.serveLegacy(parts.legacy, { ...entered, call: requestOf(arrival, part, more, together) });
      }
    }
  }

  /** Goes on with the session that a message names, here or where it is; where there is none the message is refused. */
  function inSession(
    { exchange, credential, group }: Arrival,
    call: McpCall,
    keyId: string,
    body: Buffer | undefined,
    go: (session: ClientSession) => void,
  ): void {
    const { headers } = exchange.request;
    const id = headers[legacy.sessionHeader];
    if (typeof id !== "string") return accounts.refuse(call, { code: "mcp.session-missing" });
    const take = (session: ClientSession | undefined): void => {
      if (session === undefined) return accounts.refuse(call, { code: "mcp.session-unknown" });
      const detail = legacy.versionProblem(headers, session);
      if (detail !== undefined) return accounts.refuse(call, { code: "request.invalid", detail });
      session.whose = { credential, group };
      go(session);
    };
    const known = sessions.find(id, keyId);
    const place = known === undefined || known.standsIn ? sessions.placeOf(id, keyId) : undefined;
    if (place === undefined) return take(known);
    const passing = exchange.request.method === "GET" ? passStream(exchange, keyId) : { leave: () => undefined };
    if (passing === undefined) return accounts.refuse(call, { code: "mcp.streams-full" });
    parts.placement.serve(place, true, {
      ...{ exchange, body },
      here(as) {
        passing.leave();
        guarded(call, () => take(as === "owner" ? undefined : sessions.adopt(id, keyId, as)));
      },
      gone() {
        passing.leave();
        take(undefined);
      },
    });
  }

  /** A stream that is another worker's ends here with this one, so that its client comes back by another way in time. */
  function passStream({ response }: Exchange, keyId: string): StreamPlace | undefined {
    const place = parts.streams.take(keyId);
    if (place === undefined) return undefined;
    response.once("close", place.leave);
    place.onDrain(() => (response.headersSent ? response.end() : response.destroy()));
    return place;
  }

  function withoutBody(arrival: Arrival): void {
    const { exchange } = arrival;
    const call = callOf(exchange, "legacy", 0, "null");
    enter(arrival, call, ({ principal, serves }) => {
      if (!serves.legacy) return refuseModern(call, modern.unsupported("", [modern.servedVersion]));
      inSession(arrival, call, principal.key.id, undefined, (session) => withSession(arrival, call, session));
    });
  }

  function withSession(arrival: Arrival, call: McpCall, session: ClientSession): void {
    const { request, response, requestId } = arrival.exchange;
    if (request.method === "DELETE") {
      sessions.end(session);
      return answerJson(response, requestId, 200, "{}");
    }
    const { accept = "*/*", "last-event-id": lastEventId } = request.headers;
    if (!accepts(accept, "text/event-stream")) return accounts.refuse(call, { code: "mcp.not-acceptable" });
    // Who went while his session was looked for takes no place: that he went is told once, and was.
    if (response.destroyed) return;
    const place = parts.streams.take(session.principalId);
    if (place === undefined) return accounts.refuse(call, { code: "mcp.streams-full" });
    response.once("close", place.leave);
    const stream = connectStream(
      parts.legacy,
      session,
      { response, requestId, lastEventId: typeof lastEventId === "string" ? lastEventId : undefined },
      { ...arrival, end: () => sessions.end(session) },
    );
    // Ended, and not cut: some clients give up the session when streams of theirs are cut a few times.
    place.onDrain(() => stream.hangUp());
  }

  type EnteredDoor = Omit<Entered, "call"> & {
    readonly serves: { readonly legacy: boolean; readonly modern: boolean };
  };

  /** Who may come in, and what the endpoint shows him. */
  function enter(arrival: Arrival, call: McpCall, go: (entered: EnteredDoor) => void): void {
    admit((admitted: Admitted<McpCall>) => {
      const { view } = admitted;
      const { group: name } = arrival;
      if (name === undefined) {
        const surface = parts.surfaces(view, undefined);
        return go({ view, principal: admitted.principal, surface, serves: { legacy: true, modern: true } });
      }
      const group = view.toolGroupsByName.get(name);
      const principal = group && narrowed(view, admitted.principal, group);
      const reachesAny =
        principal && [...view.serversByName.keys()].some((server) => reachesServer(view, principal, server));
      if (group === undefined || principal === undefined || reachesAny !== true)
        return accounts.refuse(call, { code: "mcp.group-unknown" }, { principal: admitted.principal });
      const serves = {
        legacy: group.eras.length === 0 || group.eras.includes(Era.LEGACY),
        modern: group.eras.length === 0 || group.eras.includes(Era.MODERN),
      };
      go({ view, principal, surface: parts.surfaces(view, group), serves });
    })({ call, credential: arrival.credential });
  }

  function requestOf(
    { exchange }: Arrival,
    call: McpCall,
    more: { client: Client; body: Buffer; envelope: RequestEnvelope; session: ClientSession | undefined },
    together?: Together,
  ): McpRequest {
    const { response, request } = exchange;
    const { requestId, door, startedMs, requestBytes, answerRefusal } = call;
    const { client, body, envelope, session } = more;
    const makeStream = (): EventStream =>
      session === undefined
        ? new EventStream({ name: undefined, isPrimed: false, keptBytesMax: 0 })
        : session.makeStream();
    const traceparent = request.headers["traceparent"];
    const clientSessionId = request.headers["x-claude-code-session-id"];
    // Member for member: to add so many to an object that is there takes a call to a server one percent more.
    return {
      requestId,
      door,
      startedMs,
      requestBytes,
      answerRefusal,
      client,
      body,
      envelope,
      session,
      exchange,
      answering: new Answering(response, requestId, makeStream, together),
      traceparent: typeof traceparent === "string" ? traceparent : undefined,
      clientSessionId: typeof clientSessionId === "string" ? clientSessionId : undefined,
    };
  }
}

type McpCall = Call & { client: Client };

/** Undefined for the endpoint of everything; null where the path is none of this door's. */
function groupIn(path: string): string | undefined | null {
  if (path === "/mcp") return undefined;
  const [, , group, ...rest] = path.split("/");
  if (group === undefined) return undefined;
  // Clients look for `.well-known` below a server's path, and want to hear that it is not there, whoever they are.
  return group === "" || group.startsWith(".") || rest.length > 0 ? null : group;
}

function acknowledge({ response, requestId }: Exchange): void {
  if (!response.headersSent) response.writeHead(202, { "content-length": 0, [requestIdHeader]: requestId }).end();
}

function callOf(exchange: Exchange, era: "legacy" | "modern" | undefined, requestBytes: number, id: string): McpCall {
  const { requestId, startedMs, response } = exchange;
  const answerRefusal = ({ code, detail, data }: Refusal): void => {
    const status = httpStatusOf(code, era);
    if (status === 401 && !response.headersSent) response.setHeader("www-authenticate", 'Bearer realm="tollgate"');
    answerJson(response, requestId, status, errorMessage(id, code, detail, data));
  };
  return { requestId, door: "mcp", startedMs, requestBytes, answerRefusal, client: unknownClient };
}

/** One of the requests of a body; records tell them apart by an id of its own. */
function partOf(exchange: Exchange, bytes: Buffer, id: string, together: Together): McpCall {
  const call = callOf(exchange, "legacy", bytes.length, id);
  const answerRefusal = ({ code, detail, data }: Refusal): void => together.done(errorMessage(id, code, detail, data));
  return { ...call, requestId: randomUUID(), answerRefusal };
}

function headerRefusal(headers: IncomingHttpHeaders): Refusal | undefined {
  const type = headers["content-type"];
  if (type === undefined || !/^application\/json\s*(;|$)/i.test(type))
    return { code: "request.invalid", detail: "`content-type` is not application/json." };
  const accept = headers.accept ?? "*/*";
  const acceptsBoth = accepts(accept, "application/json") && accepts(accept, "text/event-stream");
  return acceptsBoth ? undefined : { code: "mcp.not-acceptable" };
}

/** Almost every request says the same. */
const usualAccept = "application/json, text/event-stream";

function accepts(accept: string, type: string): boolean {
  if (accept === usualAccept) return true;
  const [kind = ""] = type.split("/");
  const wanted = [type, `${kind}/*`, "*/*"];
  return accept
    .toLowerCase()
    .split(",")
    .some((range) => wanted.includes(range.split(";")[0]?.trim() ?? ""));
}

function refuseMethod({ response, requestId }: Exchange): void {
  response.setHeader("allow", "POST, GET, DELETE");
  answerJson(response, requestId, 405, errorMessage("null", "request.method-not-allowed"));
}
