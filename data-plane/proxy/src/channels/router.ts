// Brings the callers of one channel and its server together. Each request gets an id that is new on the channel, and its
// answer the caller's own back; progress, subscriptions and cancellations are translated in the same way, and what else the
// server says goes to the call or the streams that it belongs to. When the channel is over every caller learns why. It opens
// no channel and knows no HTTP.

import { Calls, isListen, isProbe, isUnderWay, type Call } from "./calls.ts";
import type { Channel, ChannelEvents, Oversized } from "./channel.ts";
import type { ChannelLimits } from "./limits.ts";
import { endsOf } from "./message-collector.ts";
import { memberOf, memberText, ownerOf, readMessage, withMembers, type Message } from "./message.ts";
import { problem, type ChannelProblem } from "./problem.ts";
import type { Reply } from "./reply.ts";
import { createServerRequests, type Asked, type ServerRequests } from "./server-requests.ts";
import type { Session } from "./session.ts";

export type RouterParts = {
  open: (events: ChannelEvents) => Channel;
  nowMs: () => number;
  /** Several sessions, or callers without any, use the channel. */
  isShared: boolean;
  limits: ChannelLimits;
  /** The server has said something that is a message. */
  onAlive: () => void;
  /**
   * No call can reach the server from now on; those that were under way have failed. It was probed where nothing but its era
   * was asked, or just now.
   */
  onClosed: (why: ChannelProblem, wasProbed: boolean) => void;
  onSaid: (line: string) => void;
  /** Messages that nobody got. */
  onDropped: (what: "garbage" | "unheard" | "late") => void;
  /** A call is over. */
  onSettled: () => unknown;
};

/** Of what is no message, for people. */
const shownBytesMax = 4_096;

export class Router {
  readonly #parts: RouterParts;
  readonly #channel: Channel;
  readonly #calls = new Calls();
  readonly #questions: ServerRequests;
  /** Those of a channel without isolation are many. */
  readonly sessions = new Set<Session>();
  readonly #holding = new Set<symbol>();
  #lastId = 0;
  #isProbedOnly = true;
  #isClosed = false;
  #usedMs: number;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.#usedMs = parts.nowMs();
    this.#questions = createServerRequests(parts.limits, (id, reason) => this.#refuse(id, -32_000, reason));
    this.#channel = parts.open({
      onMessage: (bytes) => this.#receive(bytes),
      onOversized: (ends) => this.#unreadable(ends, problem("channel.message-too-large", tooLarge(parts.limits))),
      onClosed: (why) => this.#closed(why),
      onSaid: parts.onSaid,
    });
  }

  /** How many callers wait; those that only listen do not count. */
  callsUnderWay(): number {
    return this.#calls.all().filter((call) => !isListen(call)).length;
  }

  callCount(): number {
    return this.#calls.size;
  }

  /** 0 while it has sessions or calls. */
  idleMs(): number {
    return this.sessions.size > 0 || this.#calls.size > 0 ? 0 : this.#parts.nowMs() - this.#usedMs;
  }

  /** Nothing but its era was asked so far. */
  wasOnlyProbed(): boolean {
    return this.#lastId > 0 && this.#isProbedOnly;
  }

  /** Undefined where the request could not be sent; the caller was told. */
  request(message: Message, session: Session | undefined, reply: Reply): Call | undefined {
    const id = ++this.#lastId;
    const callerToken = memberText(message, "askedToken");
    const call: Call = {
      ...{ id, callerId: message.id, callerToken, method: message.method, session, reply },
      asked: { relate: (question) => reply.relate(question, false) },
    };
    const sent = this.#isClosed
      ? problem("channel.ended", "The server is gone.")
      : this.#send(withMembers(message, { id: String(id), askedToken: String(id) }), (why) => this.#fail(call, why));
    if (sent !== undefined) {
      reply.fail(sent);
      return undefined;
    }
    this.#calls.add(call);
    if (!isProbe(call)) this.#isProbedOnly = false;
    if (isUnderWay(call)) this.#questions.offer(call.asked);
    return call;
  }

  /** The caller is gone: the server may stop, and what it still says about the call is not listened to. */
  cancel(call: Call, reason: string): void {
    if (!this.#settle(call)) return;
    // The protocol forbids to cancel this one.
    if (call.method === "initialize") return;
    const params = { requestId: call.id, reason };
    this.#send(Buffer.from(JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params })));
  }

  notify(message: Message, session: Session): void {
    if (message.method !== "notifications/cancelled") return void this.#send(message.bytes);
    const call = this.#calls.ofCaller(session, memberText(message, "requestId") ?? "");
    if (call === undefined || !this.#settle(call)) return;
    this.#send(withMembers(message, { requestId: String(call.id) }));
    call.reply.fail(problem("channel.cancelled", "The caller cancelled the request."));
  }

  /** A client's answer to the server; what was not asked is dropped. */
  respond(message: Message): void {
    const id = this.#questions.answered(message.id);
    if (id === undefined) this.#parts.onDropped("late");
    else this.#send(withMembers(message, { id }));
  }

  /** A session listens from now on. */
  offer(stream: Asked): void {
    this.#questions.offer(stream);
  }

  streamOver(stream: Asked): void {
    this.#questions.over(stream);
  }

  /** Until every reader that holds it up has let go. */
  holdUp(): () => void {
    const holder = Symbol();
    this.#holding.add(holder);
    this.#channel.pause();
    return () => {
      if (this.#holding.delete(holder) && this.#holding.size === 0) this.#channel.resume();
    };
  }

  /** Fails the calls of one session, and tells the server. */
  endCalls(session: Session, why: ChannelProblem): void {
    for (const call of this.#calls.ofSession(session)) {
      this.cancel(call, why.message);
      call.reply.fail(why);
    }
  }

  async close(why: ChannelProblem): Promise<void> {
    this.#closed(why);
    await this.#channel.close();
  }

  #send(message: Buffer, onFailed?: (why: ChannelProblem) => void): ChannelProblem | undefined {
    if (this.#channel.send(message, onFailed)) return undefined;
    return problem("channel.busy", "The server does not read what is sent to it.");
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosed) return;
    const message = readMessage(bytes);
    if (message === undefined) return this.#garbage(bytes);
    this.#parts.onAlive();
    if (message.kind === "response") this.#answer(message);
    else if (message.kind === "request") this.#ask(message);
    else this.#hear(message);
  }

  #answer(message: Message): void {
    const call = this.#calls.get(Number(message.id));
    if (call === undefined || !this.#settle(call)) return this.#parts.onDropped("late");
    const isClosing = memberOf(message, "closedSubscription") === call.id;
    const changes = { id: call.callerId, ...(isClosing ? { closedSubscription: call.callerId } : {}) };
    call.reply.answer(withMembers(message, changes));
  }

  #ask(message: Message): void {
    if (message.method === "ping")
      return void this.#send(Buffer.from(`{"jsonrpc":"2.0","id":${message.id},"result":{}}`));
    if (this.#parts.isShared) return this.#refuse(message.id, -32_601, "Nobody can be asked on a shared connection.");
    this.#questions.take(message, this.#calls.newestUnderWay()?.asked ?? this.#streamOfOne());
  }

  /** Whoever can be asked while no call is under way. */
  #streamOfOne(): Asked | undefined {
    const [session] = this.sessions;
    return session?.newestStream();
  }

  #hear(message: Message): void {
    if (message.method === "notifications/progress") return this.#progress(message);
    if (message.method === "notifications/cancelled") return this.#withdraw(message);
    const subscription = message.span("subscription");
    if (subscription !== undefined) return this.#subscribed(message);
    const only = message.method === "notifications/message" ? this.#calls.onlyUnderWay() : undefined;
    if (only !== undefined) return only.reply.relate(message.bytes, true);
    if (this.sessions.size === 0) this.#parts.onDropped("unheard");
    for (const session of this.sessions) session.tell(message.bytes);
  }

  #progress(message: Message): void {
    const call = this.#calls.get(memberOf(message, "progressToken"));
    if (call?.callerToken === undefined) return this.#parts.onDropped("unheard");
    call.reply.relate(withMembers(message, { progressToken: call.callerToken }), true);
  }

  #subscribed(message: Message): void {
    const call = this.#calls.get(memberOf(message, "subscription"));
    if (call === undefined) return this.#parts.onDropped("unheard");
    const isAcknowledgement = message.method === "notifications/subscriptions/acknowledged";
    call.reply.relate(withMembers(message, { subscription: call.callerId }), !isAcknowledgement);
  }

  /** A server takes back what it asked, or ends a subscription. */
  #withdraw(message: Message): void {
    const asked = this.#questions.withdrawn(memberText(message, "requestId") ?? "");
    if (asked !== undefined) return asked.relate(message.bytes);
    const call = this.#calls.get(memberOf(message, "requestId"));
    if (call === undefined || !isListen(call) || !this.#settle(call)) return this.#parts.onDropped("unheard");
    call.reply.relate(withMembers(message, { requestId: call.callerId }), false);
    call.reply.end();
  }

  #garbage(bytes: Buffer): void {
    const why = problem("channel.protocol", "The server's answer is no message that all readers would read alike.");
    this.#unreadable(endsOf(bytes), why, true);
    this.#parts.onSaid(bytes.subarray(0, shownBytesMax).toString("utf8"));
  }

  /**
   * The call that a message without a meaning would have answered fails. Where nobody can say whose it was: a short one was
   * no message at all, and is dropped; a long one was somebody's answer, and nobody shall wait for it for ever.
   */
  #unreadable(ends: Oversized, why: ChannelProblem, isShort = false): void {
    this.#parts.onDropped("garbage");
    const owner = ownerOf(ends);
    const call = this.#calls.get(owner);
    if (call !== undefined) this.#fail(call, why);
    else if (owner === undefined && !isShort) void this.close(why);
  }

  #refuse(id: string, code: number, message: string): void {
    this.#send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message })}}`));
  }

  #fail(call: Call, why: ChannelProblem): void {
    if (this.#settle(call)) call.reply.fail(why);
  }

  /** False where it was over before. */
  #settle(call: Call): boolean {
    if (!this.#calls.remove(call)) return false;
    this.#usedMs = this.#parts.nowMs();
    this.#questions.over(call.asked);
    this.#parts.onSettled();
    return true;
  }

  #closed(why: ChannelProblem): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#questions.close();
    const calls = this.#calls.all();
    for (const call of calls) {
      this.#calls.remove(call);
      call.reply.fail(why);
    }
    for (const session of this.sessions) session.endStreams();
    this.#parts.onClosed(why, this.wasOnlyProbed() || calls.some(isProbe));
  }
}

function tooLarge({ messageBytesMax }: ChannelLimits): string {
  return `The server sent a message of more than ${messageBytesMax} bytes.`;
}
