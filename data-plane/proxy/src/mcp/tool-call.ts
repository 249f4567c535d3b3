// One tool call on its way to its server and back: the exposed name in the body becomes the server's own, every other byte
// goes as it came, and the answer streams through. A server that forgot its session gets a new one and the call once more,
// which is safe because it refused before it ran anything. What cannot be delivered becomes a tool result that says so.

import type { ServerResponse } from "node:http";
import { errors, TollgateError } from "@tollgate/kernel/errors";
import { answerJson } from "../http/answer.ts";
import type { Log } from "../log-output.ts";
import type { Authorised, Call, Step } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import { failureOf } from "../upstream/failure.ts";
import { Relay, type Completion } from "../upstream/relay.ts";
import { toolErrorMessage } from "./answers.ts";
import type { McpServer } from "./servers.ts";
import { callIdOf, type Session } from "./upstream-session.ts";
import { splice, type RequestEnvelope } from "./wire/envelope.ts";
import type { Span } from "./wire/members.ts";
import { isAnswer } from "./wire/sse.ts";
import type { Server } from "@tollgate/schema/resources";

export type McpCall = Call & {
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly envelope: RequestEnvelope;
  /** The client's id, as its text in JSON. */
  readonly id: string;
};

export type ToolCall = McpCall & { readonly name: Span };

export type Forwarding = {
  serverOf: (server: Server) => McpServer;
  deadlines: Deadlines;
  accounts: Accounts;
  log: Log;
};

export function forward(parts: Forwarding): Step<Authorised<ToolCall>> {
  return (authorised) => {
    new Forward(parts, authorised).start();
  };
}

class Forward {
  private readonly parts: Forwarding;
  private readonly authorised: Authorised<ToolCall>;
  private readonly mcp: McpServer;
  private readonly callId: string;
  private readonly unwatch: () => void;
  private session: Session | undefined;
  private relay: Relay | undefined;
  private isOver = false;
  private mayRetry = true;

  constructor(parts: Forwarding, authorised: Authorised<ToolCall>) {
    this.parts = parts;
    this.authorised = authorised;
    this.mcp = parts.serverOf(authorised.server);
    this.callId = callIdOf(authorised.call.id);
    this.unwatch = parts.deadlines.watch(this.mcp.upstream.timeoutMs, () => this.late());
    authorised.call.response.once("close", () => this.clientClosed());
  }

  start(): void {
    // Since the request was read, its intent has been written down.
    if (this.authorised.call.response.destroyed) return this.clientClosed();
    try {
      const session = this.mcp.sessions.take(this.callId);
      if (!(session instanceof Promise)) return this.send(session);
      session.then(
        (opened) => this.send(opened),
        (error: unknown) => this.fail(failureOf(error), 0),
      );
    } catch (error) {
      this.fail(failureOf(error), 0);
    }
  }

  private send(session: Session): void {
    // Late, or the client left, while the session was being opened: nothing was sent.
    if (this.isOver) return this.mcp.sessions.release(session, this.callId);
    this.session = session;
    const { call, tool } = this.authorised;
    this.relay = new Relay({
      response: call.response,
      requestId: call.requestId,
      startedMs: call.startedMs,
      onRejected: (status, body) => this.rejected(status, body),
      onFailed: (error, status) => this.fail(error, status),
      onEnd: (completion, release) => this.end(completion, release),
      lastEvent: (error) => `event: message\ndata: ${this.errorMessage(error)}\n\n`,
    });
    const { pool, path } = this.mcp.upstream;
    const body = splice(call.body, call.name, JSON.stringify(tool));
    try {
      const headers = this.mcp.sessions.headers(session) as string[]; // undici reads it and declares it mutable.
      pool.dispatch({ method: "POST", path, headers, body }, this.relay);
    } catch (error) {
      this.fail(failureOf(error), 0);
    }
  }

  /** Another status or type than an answer has. */
  private rejected(status: number, body: Buffer): void {
    const { session } = this;
    const { call } = this.authorised;
    if (status === 404 && session?.id !== undefined && this.mayRetry && !this.isOver) {
      this.mayRetry = false;
      this.session = undefined;
      this.relay = undefined;
      this.mcp.sessions.forget(session);
      return this.start();
    }
    if (status < 500 && status !== 401 && status !== 403 && isAnswer(body, call.id)) {
      const completion = { outcome: "answered", upstreamStatus: status, responseBytes: body.length } as const;
      const firstByteMs = performance.now() - call.startedMs;
      return this.end({ ...completion, firstByteMs }, () => answerJson(call.response, call.requestId, 200, body));
    }
    this.fail(new TollgateError("upstream.protocol", `It answered with status ${status}.`), status);
  }

  private fail(error: TollgateError, upstreamStatus: number): void {
    if (this.isOver) return;
    const { call, server } = this.authorised;
    this.parts.log.debug({ requestId: call.requestId, server: server.name, code: error.code }, "a tool call failed");
    const message = this.errorMessage(error);
    this.end({ outcome: "upstream-failed", upstreamStatus, responseBytes: 0, firstByteMs: 0 }, () =>
      answerJson(call.response, call.requestId, 200, message),
    );
  }

  private end(completion: Completion, release: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    this.unwatch();
    if (this.session !== undefined) {
      // A call that was broken off may still be answered by the server; its id must not be used again there.
      const isSettled = completion.outcome === "answered" || completion.upstreamStatus >= 300;
      if (isSettled || this.relay?.wasSent() !== true) this.mcp.sessions.release(this.session, this.callId);
      else this.mcp.sessions.abandon(this.session, this.authorised.call.id);
    }
    this.parts.accounts.completed(this.authorised, completion, release);
  }

  private late(): void {
    const error = new TollgateError("upstream.timeout");
    if (this.relay === undefined) this.fail(error, 0);
    else this.relay.abort(error);
  }

  private clientClosed(): void {
    if (this.isOver) return;
    if (this.relay !== undefined) return this.relay.clientClosed();
    const none = { upstreamStatus: 0, responseBytes: 0, firstByteMs: 0 };
    this.end({ outcome: "client-closed", ...none }, () => undefined);
  }

  private errorMessage(error: TollgateError): string {
    const { call, server } = this.authorised;
    // Only codes whose class is about the server may be told with their detail; a bug's text may hold anything.
    const detail = errors[error.code].class === "upstream" ? error.detail : undefined;
    return toolErrorMessage(call.id, server.name, error.code, detail);
  }
}
