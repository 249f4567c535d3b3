// One request on its way to its server and back. It is sent in the server's era with the ids of that hop; what comes back is
// brought to the client in his. When the server asks the client something in the middle, a legacy client is asked at once,
// and a modern one is told to come again: the call waits for him, and each time he comes is a leg of it. A request is
// never sent twice unless the server refused it unread. What cannot be delivered becomes an answer that names the server.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Log } from "../../log-output.ts";
import type { Step } from "../../pipeline/call.ts";
import type { Accounts, Completion } from "../../pipeline/record.ts";
import type { Deadlines } from "../../upstream/deadlines.ts";
import { failureOf } from "../../upstream/failure.ts";
import { errorMessage } from "../answers.ts";
import { capabilityFor } from "../capability-set.ts";
import type { Era } from "../catalogue/catalogue.ts";
import type { Catalogues } from "../catalogue/catalogues.ts";
import { nextId, type CallEvents, type UpstreamCall } from "../upstream/call.ts";
import type { LegacySession } from "../upstream/legacy-session.ts";
import type { Peer, Peers } from "../upstream/peers.ts";
import { isInputRequired, type ServerNotification, type ServerRequest, type ServerResponse } from "../wire/message.ts";
import { Asking } from "./asking.ts";
import { CallClock } from "./call-clock.ts";
import { deliveryOf } from "./delivery.ts";
import type { Leg } from "./errand.ts";
import { failureAnswer } from "./failure-answer.ts";
import { Followers } from "./followers.ts";
import type { Notifications } from "./incoming.ts";
import { inputResponses, readInputRequired, type InputRequired } from "./input.ts";
import { OpenQuestions } from "./open-questions.ts";
import { digestOf, type Parked, type ParkedCalls } from "./parked-calls.ts";
import { redactedMessage } from "./redacted.ts";
import { callLegacy, callModern, notificationsFor, sessionFor, type Retry } from "./sending.ts";

export type Forwarding = {
  readonly peers: Peers;
  readonly catalogues: Catalogues;
  readonly parked: ParkedCalls<Leg>;
  readonly deadlines: Deadlines;
  readonly accounts: Accounts;
  readonly log: Log;
  /** A call found the server gone: whoever watches it may look. */
  onSuspect(serverId: string): void;
};

export function forward(parts: Forwarding): Step<Leg> {
  return (leg) => new Forward(parts, leg).start();
}

const roundsMax = 8;
/** Questions that a legacy server sends one right behind the other are one set for a modern client. */
const settleMs = 30;
/** What a server may ask in one call; more is no conversation. */
const questionsMax = 256;
const resultKeptMs = 60_000;
/** How long the first word of a server that was never reached, or is somewhere else now, is waited for. */
const introductionMsMax = 5_000;

class Forward implements CallEvents, Parked<Leg> {
  private readonly parts: Forwarding;
  private readonly peer: Peer;
  private leg: Leg;
  private era: Era = "legacy";
  private id = 0;
  private call: UpstreamCall | undefined;
  private session: LegacySession | undefined;
  private notifications: Notifications | undefined;
  private readonly clock: CallClock;
  /** The leg has its answer. */
  private isAnswered = false;
  /** The server has said its last, or was told that it need not. */
  private isOver = false;
  private mayRetry = true;
  private rounds = 0;
  private asked = 0;
  private readonly asking = new Asking();
  private readonly questions = new OpenQuestions();
  private readonly followers: Followers;
  private settling: NodeJS.Timeout | undefined;
  private ticket: string | undefined;
  private last: ServerResponse | undefined;

  constructor(parts: Forwarding, leg: Leg) {
    this.parts = parts;
    this.leg = leg;
    this.peer = parts.peers.of(leg.server);
    this.followers = new Followers(parts.accounts, () => this.era);
    this.clock = new CallClock({
      deadlines: parts.deadlines,
      serverMsMax: this.peer.upstream.timeoutMs,
      clientMsMax: parts.parked.msMax,
      onLate: (whose) => this.late(whose),
    });
  }

  start(): void {
    this.beginLeg(this.leg);
    if (this.leg.call.answering.response.destroyed) return this.clientClosed();
    const era = this.parts.catalogues.eraOf(this.leg.server);
    if (era !== undefined) return this.send(era);
    this.parts.catalogues.whenIntroduced(this.leg.server, this.parts.deadlines, introductionMsMax, (known) => {
      if (this.isOver) return;
      if (known?.era !== undefined) return this.send(known.era);
      const { code = "upstream.not-ready", reason = "" } = known?.health ?? {};
      this.onFailed(new TollgateError(code, reason === "" ? undefined : reason), false);
    });
  }

  private beginLeg(leg: Leg): void {
    this.leg = leg;
    this.isAnswered = false;
    const { answering, session, client, envelope } = leg.call;
    answering.waits(this.parts.deadlines);
    this.startClock();
    // A legacy client that goes may come back for what it missed, and says so when it wants nothing more.
    if (client.era === "modern") answering.response.on("close", () => this.leg === leg && this.clientClosed());
    else session?.underWay.set(envelope.id, () => this.clientClosed());
  }

  private startClock(): void {
    this.clock.start(this.leg.call.session, () => this.asking.isOpen(this.leg));
  }

  private send(era: Era): void {
    this.era = era;
    this.id = nextId();
    const { call: errand } = this.leg;
    const given = inputResponses(errand.body, errand.envelope.at["params>inputResponses"]);
    if (given === undefined) return this.refuse("mcp.params-invalid", "`params.inputResponses` is no set of answers.");
    if (given.size > 0) this.questions.bring(given);
    // What comes here with a state is no leg of a call that waits: it would be another call, made a second time.
    const isState = errand.envelope.at["params>requestState"] !== undefined;
    if (era === "legacy" && errand.client.era === "modern" && isState) return this.refuse("mcp.state-invalid");
    this.notifications = notificationsFor(this.leg, this.id);
    try {
      if (era === "modern") return this.sendModern();
      const open = sessionFor(this.peer, this.leg).get();
      if (!(open instanceof Promise)) return this.sendLegacy(open);
      open.then(
        (opened) => this.sendLegacy(opened),
        (error: unknown) => this.onFailed(failureOf(error), false),
      );
    } catch (error) {
      this.onFailed(failureOf(error), false);
    }
  }

  private sendLegacy(session: LegacySession): void {
    if (this.isOver) return;
    this.session = session;
    try {
      this.call = callLegacy(session, this.leg, this.id, this);
    } catch (error) {
      this.onFailed(failureOf(error), false);
    }
  }

  private sendModern(retry?: Retry): void {
    this.call = callModern(this.peer, this.leg, this.id, this, retry);
  }

  onNotification(notification: ServerNotification): void {
    const heard = redactedMessage(this.leg.call.redactions, notification);
    const message = this.isAnswered ? undefined : heard && this.notifications?.forClient(heard);
    if (message === undefined) return;
    const { answering } = this.leg.call;
    if (answering.send(message)) return;
    this.call?.pause();
    answering.onceRead(() => this.call?.resume());
  }

  onRequest(asked: ServerRequest): void {
    const request = redactedMessage(this.leg.call.redactions, asked);
    if (request === undefined) return this.giveUp(new TollgateError("policy.not-redactable"));
    if (request.method === "ping") return this.reply(request, '"result":{}');
    const capability = capabilityFor(request.method);
    const { client, session } = this.leg.call;
    if (capability === undefined) return this.reply(request, '"error":{"code":-32601,"message":"Method not found"}');
    if (this.isOver) return;
    if (++this.asked > questionsMax)
      return this.giveUp(new TollgateError("upstream.protocol", `It asked more than ${questionsMax} questions.`));
    if (!client.capabilities.names.has(capability)) return this.lacks(request, capability);
    if (client.era === "legacy" && session !== undefined)
      return this.asking.pass(this.leg, request, (answer) => this.reply(request, answer));
    const given = this.questions.take(request);
    if (given !== undefined) return this.reply(request, `"result":${given}`);
    this.settling ??= setTimeout(() => this.park(), settleMs);
  }

  /** The client cannot give what the server needs: it is told, in its own words, and the server need not go on. */
  private lacks(request: ServerRequest, capability: string): void {
    this.reply(request, `"error":{"code":-32601,"message":"The client does not support ${capability}."}`);
    if (this.leg.call.client.era === "legacy") return;
    this.call?.cancel("The client lacks what the server asks for.");
    this.over();
    const detail = `It asks for ${capability}.`;
    const data = { requiredCapabilities: { [capability]: {} } };
    this.answer("answered", errorMessage(this.leg.call.envelope.id, "mcp.capability-missing", detail, data), 400);
  }

  private reply({ id }: ServerRequest, answer: string): void {
    this.session
      ?.post(`{"jsonrpc":"2.0","id":${id},${answer}}`)
      .catch((error: unknown) => this.onFailed(failureOf(error), true));
  }

  private park(): void {
    this.settling = undefined;
    if (this.isOver || this.isAnswered || this.questions.isEmpty) return;
    if (++this.rounds > roundsMax)
      return this.giveUp(new TollgateError("upstream.protocol", `It asked more than ${roundsMax} times.`));
    this.tellQuestions();
  }

  private tellQuestions(): void {
    const { call: errand, principal } = this.leg;
    const { parked } = this.parts;
    this.ticket ??= parked.add(this, principal.key.id, digestOf(errand.body, errand.envelope));
    const state = this.ticket === undefined ? undefined : parked.wait(this.ticket, this.rounds);
    if (state === undefined) return this.giveUp(new TollgateError("mcp.calls-full"));
    const result = `{"resultType":"input_required","inputRequests":${this.questions.text()},"requestState":"${state}"}`;
    this.answer("input-required", `{"jsonrpc":"2.0","id":${errand.envelope.id},"result":${result}}`);
  }

  resume(leg: Leg, round: number): void {
    // Its client went before anybody could hear it: the call waits on for another leg.
    if (leg.call.answering.response.destroyed) return this.followers.leave(leg);
    if (!this.isAnswered) return this.followers.add({ leg, round });
    this.beginLeg(leg);
    this.mayRetry = false;
    const { body, envelope } = leg.call;
    if (this.last !== undefined) return this.deliver(this.last);
    if (this.isOver) return this.refuseLeg("mcp.call-lost");
    // The answers of a round that is over were taken already: what they led to was told, and got lost on its way.
    if (round !== this.rounds) return this.tellQuestions();
    const given = inputResponses(body, envelope.at["params>inputResponses"]);
    if (given === undefined)
      return this.refuseLeg("mcp.params-invalid", "`params.inputResponses` is no set of answers.");
    if (this.ticket !== undefined) this.parts.parked.runs(this.ticket);
    this.questions.answer(given, (request, answer) => this.reply(request, `"result":${answer}`));
    // What is still missing is asked for again.
    if (!this.questions.isEmpty) this.park();
  }

  /** Whoever waited with the leg that has its answer now gets what that got. */
  private resumeFollowers(): void {
    const waiting = this.followers.takeAll();
    if (waiting.length > 0) setImmediate(() => waiting.forEach(({ leg, round }) => this.resume(leg, round)));
  }

  expire(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.call?.cancel("The client did not answer.");
  }

  onResponse(came: ServerResponse): void {
    const response = redactedMessage(this.leg.call.redactions, came);
    if (response === undefined) return this.onFailed(new TollgateError("policy.not-redactable"), true);
    if (this.era === "modern" && this.leg.call.client.era === "legacy" && isInputRequired(response))
      return this.askAll(response);
    this.isOver = true;
    if (this.ticket !== undefined) {
      this.last = response;
      this.parts.parked.done(this.ticket, resultKeptMs);
    }
    if (!this.isAnswered) this.deliver(response);
  }

  /** A modern server's set of questions, to a legacy client: each on the stream of its request, then the retry with all. */
  private askAll(response: ServerResponse): void {
    try {
      if (++this.rounds > roundsMax)
        throw new TollgateError("upstream.protocol", `It asked more than ${roundsMax} times.`);
      const input = readInputRequired(response);
      this.asking.askAll(
        this.leg,
        input,
        (answers) => this.isOver || this.retry(input, answers),
        () => this.onFailed(new TollgateError("mcp.input-refused"), true),
      );
    } catch (error) {
      this.onFailed(failureOf(error), true);
    }
  }

  private retry({ requestState }: InputRequired, answers: ReadonlyMap<string, string>): void {
    const members = [...answers].map(([key, answer]) => `${JSON.stringify(key)}:${answer}`);
    this.id = nextId();
    this.notifications?.expect(this.id);
    this.startClock();
    this.sendModern({ inputResponses: answers.size === 0 ? undefined : `{${members.join(",")}}`, requestState });
  }

  private deliver(response: ServerResponse): void {
    const from = { era: this.era, status: this.call?.seen.status ?? 0 };
    const { outcome, message, status } = deliveryOf(this.leg, from, response);
    this.answer(outcome, message, status);
  }

  onFailed(error: TollgateError, wasSent: boolean): void {
    if (this.isOver) return;
    if (error.code === "upstream.session-lost" && !wasSent && this.mayRetry) {
      this.mayRetry = false;
      return this.send(this.era);
    }
    this.over();
    const { server, call } = this.leg;
    this.parts.log.debug({ requestId: call.requestId, server: server.name, code: error.code }, "a call failed");
    if (error.code === "upstream.unreachable" || error.code === "upstream.protocol") this.parts.onSuspect(server.id);
    if (!this.isAnswered) this.answer("upstream-failed", failureAnswer(this.leg, error));
  }

  private giveUp(error: TollgateError): void {
    this.call?.cancel(error.message);
    this.onFailed(error, true);
  }

  private late(whose: "server" | "client"): void {
    const code = whose === "server" ? "upstream.timeout" : "mcp.input-late";
    if (!this.isAnswered) this.giveUp(new TollgateError(code));
  }

  /** Nobody waits for the server any more, and for no client. */
  private over(): void {
    this.isOver = true;
    clearTimeout(this.settling);
    if (this.ticket !== undefined) this.parts.parked.remove(this.ticket);
  }

  private clientClosed(): void {
    if (this.isAnswered) return;
    const next = this.followers.next();
    if (next !== undefined) return this.handOver(next);
    this.over();
    this.call?.cancel("The client closed the call.");
    this.breakLeg();
  }

  /** Another leg waits for the same: the call goes on for that one. */
  private handOver(leg: Leg): void {
    const others = this.followers.takeAll();
    this.breakLeg();
    this.followers.putBack(others);
    this.beginLeg(leg);
  }

  private breakLeg(): void {
    // When it is written down another leg may have taken its place.
    const { answering } = this.leg.call;
    this.endLeg("client-closed", () => answering.break());
  }

  /** The request is wrong in what only a server of its era could have said. */
  private refuse(code: "mcp.params-invalid" | "mcp.state-invalid", detail?: string): void {
    this.isOver = true;
    this.refuseLeg(code, detail);
  }

  private refuseLeg(code: "mcp.params-invalid" | "mcp.state-invalid" | "mcp.call-lost", detail?: string): void {
    this.answer("answered", errorMessage(this.leg.call.envelope.id, code, detail));
  }

  private answer(outcome: Completion["outcome"], message: Buffer | string, status = 200): void {
    const { answering } = this.leg.call;
    this.endLeg(outcome, () => answering.finish(message, status));
  }

  private endLeg(outcome: Completion["outcome"], release: () => void): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.clock.stop();
    const { session, envelope } = this.leg.call;
    session?.underWay.delete(envelope.id);
    this.asking.end(session);
    const serverEra = this.id === 0 ? undefined : this.era;
    this.parts.accounts.completed(this.leg, seenBy(this.leg, this.call, outcome, serverEra), release);
    this.resumeFollowers();
  }
}

/** What a leg is written down with of what has come so far. */
function seenBy(
  { call: { startedMs } }: Leg,
  call: UpstreamCall | undefined,
  outcome: Completion["outcome"],
  serverEra: Completion["serverEra"],
): Completion {
  const { status = 0, bytes = 0, firstByteMs = 0 } = call?.seen ?? {};
  const sinceMs = firstByteMs === 0 ? 0 : Math.max(0, firstByteMs - startedMs);
  return { outcome, upstreamStatus: status, responseBytes: bytes, firstByteMs: sinceMs, serverEra };
}
