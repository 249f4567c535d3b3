// The streams of a legacy session: the one on which it hears what belongs to no request, and those of requests that are taken
// up again where they broke. What servers say in a session of this client's own comes here under the names that he knows.

import type { ServerResponse } from "node:http";
import { reachesServer } from "@tollgate/kernel/view";
import type { Server } from "@tollgate/schema/resources";
import type { Credential } from "../../http/credentials.ts";
import { TollgateError } from "@tollgate/kernel/errors";
import { failureOf } from "../../upstream/failure.ts";
import { errorMessage, resultMessage } from "../answers.ts";
import { capabilityFor } from "../capability-set.ts";
import { listKinds } from "../catalogue/catalogue.ts";
import { logLevelOf } from "../client.ts";
import { changeMethods, type Announcements } from "../downstream/announcements.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";
import type { EventStream } from "../downstream/event-stream.ts";
import { uriOf } from "../downstream/news.ts";
import type { Subscribing, Subscriptions } from "../downstream/subscriptions.ts";
import { hearsFrom, logNamed, resultFor } from "../forward/incoming.ts";
import { answerOf, paramsOf } from "../forward/input.ts";
import type { Entered, MethodParts } from "../methods.ts";
import { isReached } from "../reach.ts";
import type { SessionListener } from "../upstream/held-session.ts";
import { Edits } from "../../bytes/edits.ts";
import { textValue } from "../../bytes/members.ts";
import { memberFinder, valueOf } from "../../bytes/members.ts";
import { readServerMessage, type ServerNotification, type ServerRequest } from "../wire/message.ts";

export type StreamParts = MethodParts & {
  readonly announcements: Announcements;
  readonly subscriptions: Subscriptions;
};

/** Connects the client to the session's own stream, or to one that it lost; and says to which. */
export function connectStream(
  { announcements }: Pick<StreamParts, "announcements">,
  session: ClientSession,
  {
    response,
    requestId,
    lastEventId,
  }: { response: ServerResponse; requestId: string; lastEventId: string | undefined },
  { credential, group, end }: { credential: Credential; group: string | undefined; end: () => void },
): EventStream {
  const lost = lastEventId === undefined ? undefined : session.streamOf(lastEventId);
  if (lost !== undefined && lost !== session.general) {
    lost.connect(response, requestId, lastEventId);
    return lost;
  }
  session.general.connect(response, requestId, lost === undefined ? undefined : lastEventId);
  const leave = announcements.attend({
    credential,
    group,
    kinds: listKinds,
    told: session.told,
    tell(kinds) {
      for (const method of new Set(kinds.map((kind) => changeMethods[kind])))
        session.general.send(Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`));
    },
    close: end,
  });
  response.once("close", leave);
  return session.general;
}

const findLog = memberFinder(["params>level", "params>logger"]);

/** What a server says in a session of this client's own, outside of his requests, as long as his key reaches it. */
export function listenerFor(
  { reachOf }: Pick<Announcements, "reachOf">,
  session: ClientSession,
  server: Server,
): SessionListener {
  const isHeard = (): boolean => {
    const reach = session.whose && reachOf(session.whose);
    return reach !== undefined && reachesServer(reach.view, reach.principal, server.name);
  };
  return {
    onNotification(notification) {
      if (!isHeard()) return;
      const message = ownNotification(session, server, notification);
      if (message !== undefined) session.general.send(message);
    },
    onRequest(request, answer) {
      const capability = capabilityFor(request.method);
      if (capability === undefined || !session.client.capabilities.names.has(capability)) return false;
      if (!session.general.isConnected || !isHeard()) return false;
      const id = session.ask({ of: server.id, onAnswer: (bytes) => answer(answerFor(request, bytes)) });
      if (id === undefined) return false;
      session.general.send(
        Buffer.from(
          `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(request.method)},"params":${paramsOf(request)}}`,
        ),
      );
      return true;
    },
  };
}

function answerFor({ id }: ServerRequest, answer: Buffer): string {
  const result = answerOf(answer);
  const error = '"error":{"code":-32603,"message":"The client did not answer."}';
  return `{"jsonrpc":"2.0","id":${id},${result === undefined ? error : `"result":${result}`}}`;
}

function ownNotification(
  { level: least }: ClientSession,
  server: Server,
  { method, bytes }: ServerNotification,
): Buffer | undefined {
  if (method === "notifications/message") {
    const { "params>level": at, "params>logger": logger } = findLog(bytes);
    const level = at && logLevelOf(valueOf(bytes, at));
    if (at === undefined || level === undefined || !hearsFrom(least ?? "debug")(level)) return undefined;
    return logNamed(server.name, bytes, at, logger);
  }
  return method === "notifications/elicitation/complete" ? bytes : undefined;
}

const subscriptionsPerSessionMax = 500;
const findUri = memberFinder(["params>uri"]);

export function subscribe(parts: StreamParts, { call, view, principal, surface }: Entered): void {
  const { session, envelope } = call;
  const uri = textValue(call.body, envelope.at["params>uri"]);
  if (session === undefined || uri === undefined)
    return parts.accounts.refuse(
      call,
      { code: "mcp.params-invalid", detail: "`params.uri` is not a text." },
      { principal },
    );
  const found = surface.located(view, principal, uri);
  if (found === undefined || !isReached(view, principal, "resources", found.server, found.own))
    return parts.accounts.refuse(call, { code: "mcp.resource-unknown" }, { principal, tool: uri });
  const done = (): void => call.answering.finish(resultMessage(envelope.id, "{}"));
  const { subscriptions } = session;
  if (subscriptions.has(uri)) return done();
  if (subscriptions.size >= subscriptionsPerSessionMax) {
    const detail = `A session has at most ${subscriptionsPerSessionMax} subscriptions.`;
    return parts.accounts.refuse(call, { code: "mcp.params-invalid", detail }, { principal });
  }
  // Its place: who unsubscribes while the server is asked takes it away.
  const place = (): void => undefined;
  subscriptions.set(uri, place);
  const letGo = (): void => {
    if (subscriptions.get(uri) === place) subscriptions.delete(uri);
  };
  const failed = (error: TollgateError): void => {
    letGo();
    call.answering.finish(errorMessage(envelope.id, error.code, `(${found.server.name})`));
  };
  const refused = (answer: Buffer): void => {
    const response = readServerMessage(answer);
    if (response?.kind !== "response") return failed(new TollgateError("upstream.protocol"));
    letGo();
    call.answering.finish(resultFor("legacy", "legacy", envelope.method, envelope.id, response));
  };
  // A part of what was subscribed to may be what the key does not reach, and so may all of it by now.
  const heard: Subscribing["heard"] = (server, about, notification) => {
    const now = session.whose && parts.announcements.reachOf(session.whose);
    if (now !== undefined && isReached(now.view, now.principal, "resources", server, about))
      session.general.send(underKnownUri(notification, found.own, uri));
  };
  const keep = (end: () => void): void => {
    // Who unsubscribed, or left, while the server was asked wants to hear nothing.
    if (session.isEnded || subscriptions.get(uri) !== place) end();
    else {
      subscriptions.set(uri, end);
      session.ends.add(end);
    }
    done();
  };
  const who = { client: call.client, session, keyId: principal.key.id };
  parts.subscriptions.begin({ server: found.server, own: found.own, who, heard }).then(
    (ready) => (typeof ready === "function" ? keep(ready) : refused(ready)),
    (error: unknown) => failed(failureOf(error)),
  );
}

export function unsubscribe(_parts: StreamParts, { call }: Entered): void {
  const { session, envelope } = call;
  const uri = textValue(call.body, envelope.at["params>uri"]) ?? "";
  const end = session?.subscriptions.get(uri);
  if (end !== undefined) {
    session?.subscriptions.delete(uri);
    session?.ends.delete(end);
    end();
  }
  call.answering.finish(resultMessage(envelope.id, "{}"));
}

function underKnownUri(notification: ServerNotification, own: string, known: string): Buffer {
  const { bytes } = notification;
  const span = own === known || uriOf(notification) !== own ? undefined : findUri(bytes)["params>uri"];
  return span === undefined ? bytes : new Edits().replace(span, JSON.stringify(known)).apply(bytes);
}
