// The HTTP side of a channel host: Streamable HTTP as far as the workers of the same proxy use it, one server a path. It
// reads what comes, finds server and session, and hands it on; whoever hangs up takes back what he asked. It listens on a
// socket that only its own user can open, so it knows no credentials, origins or host names.

import { createServer, type Server, type ServerResponse } from "node:http";
import { readBody, type BodyOutcome } from "../http/body.ts";
import { GateRequest } from "../http/gate-request.ts";
import type { Log } from "../log-output.ts";
import { EventStream } from "./event-stream.ts";
import type { ChannelLimits } from "./limits.ts";
import { readMessage, type Message } from "./message.ts";
import { problem } from "./problem.ts";
import { answerJson, answerProblem, createReply } from "./reply.ts";
import { Router } from "./router.ts";
import type { Serving } from "./serving.ts";
import type { Session } from "./session.ts";

export type FrontParts = {
  /** What takes new sessions. */
  serving: (serverId: string) => Serving | undefined;
  /** A session of a registration that was replaced is found as well. */
  session: (serverId: string, sessionId: string) => { serving: Serving; session: Session } | undefined;
  limits: ChannelLimits;
  log: Log;
};

type Exchange = { request: GateRequest; response: ServerResponse; serverId: string };

const sessionHeader = "mcp-session-id";
const bounds = { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 };

const sessionMissing = problem("channel.session-missing", "There is no session id.");
const sessionUnknown = problem("channel.session-unknown", "There is no such session.");
const serverUnknown = problem("channel.server-unknown", "There is no such server.");

export function createFront({ serving, session, limits, log }: FrontParts): Server {
  const front = createServer({ ...bounds, IncomingMessage: GateRequest }, (request, response) => {
    const serverId = serverIdOf(request.url ?? "");
    response.on("error", (error) => log.debug({ reason: String(error) }, "a caller of a channel is gone"));
    route({ request, response, serverId }).catch((error: unknown) => {
      log.error({ err: error }, "a request over a channel met a bug");
      response.destroy();
    });
  });
  front.maxConnections = limits.connectionsMax;
  return front;

  async function route(exchange: Exchange): Promise<void> {
    const { request, response, serverId } = exchange;
    if (serving(serverId) === undefined) return answerProblem(response, serverUnknown);
    if (request.method === "POST") return takePost(exchange);
    if (request.method !== "GET" && request.method !== "DELETE")
      return answerProblem(response, problem("channel.method-not-allowed", "It takes POST, GET and DELETE."));
    const found = sessionOf(exchange);
    if ("code" in found) return answerProblem(response, found);
    if (request.method === "GET") return listen(response, found);
    found.serving.endSession(found.session, problem("channel.session-unknown", "The session was ended."));
    response.writeHead(200).end();
  }

  function sessionOf({ request, serverId }: Exchange) {
    const id = request.headers[sessionHeader];
    if (typeof id !== "string") return sessionMissing;
    return session(serverId, id) ?? sessionUnknown;
  }

  async function takePost(exchange: Exchange): Promise<void> {
    const body = await new Promise<BodyOutcome>((resolve) =>
      readBody(exchange.request, limits.messageBytesMax, resolve),
    );
    if (body.outcome === "broken-off" || exchange.response.destroyed) return;
    if (body.outcome !== "read") {
      exchange.response.setHeader("connection", "close");
      const why = `A message has at most ${limits.messageBytesMax} bytes.`;
      return answerProblem(exchange.response, problem("channel.request-too-large", why));
    }
    const message = readMessage(body.bytes);
    if (message === undefined)
      return answerProblem(exchange.response, problem("channel.request-invalid", "It is not one JSON-RPC message."));
    if (message.kind === "request" && message.method === "initialize") return initialize(exchange, message);
    if (exchange.request.headers[sessionHeader] !== undefined) return inSession(exchange, message);
    const isModern = message.kind === "request" && message.span("version") !== undefined;
    if (!isModern) return answerProblem(exchange.response, sessionMissing);
    const current = serving(exchange.serverId);
    if (current === undefined) return answerProblem(exchange.response, serverUnknown);
    call(exchange, message, current, current.stateless(), undefined);
  }

  async function initialize({ response, serverId }: Exchange, message: Message): Promise<void> {
    const current = serving(serverId);
    if (current === undefined) return answerProblem(response, serverUnknown);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const outcome = await current.initialize(message, gone.signal);
    if ("code" in outcome) return answerProblem(response, outcome);
    if (outcome.session !== undefined) response.setHeader(sessionHeader, outcome.session.id);
    answerJson(response, 200, outcome.answer);
  }

  function inSession(exchange: Exchange, message: Message): void {
    const { response } = exchange;
    const found = sessionOf(exchange);
    if ("code" in found) return answerProblem(response, found);
    if (message.kind === "request") {
      const router = found.serving.routerOf(found.session);
      return call(exchange, message, found.serving, router, found.session);
    }
    if (message.kind === "response") found.session.router.respond(message);
    else found.serving.notify(message, found.session);
    response.writeHead(202).end();
  }

  function call(
    { response }: Exchange,
    message: Message,
    of: Serving,
    router: ReturnType<Serving["stateless"]>,
    session: Session | undefined,
  ): void {
    if (!(router instanceof Router)) return answerProblem(response, router);
    const onDropped = () => of.dropped("unheard");
    const reply = createReply({ response, limits, onDropped, holdUp: () => router.holdUp() });
    const sent = router.request(message, session, reply);
    if (sent !== undefined) response.once("close", () => router.cancel(sent, "The caller is gone."));
  }

  function listen(response: ServerResponse, { serving: of, session }: { serving: Serving; session: Session }): void {
    if (session.streams.size >= limits.streamsPerSessionMax)
      return answerProblem(response, problem("channel.busy", "The session has as many streams as it may have."));
    const stream = new EventStream(response, {
      bytesMax: limits.streamBytesMax,
      onDropped: () => of.dropped("unheard"),
    });
    session.addStream(stream);
    session.router.offer(stream);
    response.once("close", () => {
      session.streams.delete(stream);
      session.touch();
      session.router.streamOver(stream);
    });
  }
}

/** A server's id out of a path; what is no path of ours is the id of no server. */
function serverIdOf(path: string): string {
  try {
    return decodeURIComponent(path.slice(1));
  } catch {
    return "";
  }
}
