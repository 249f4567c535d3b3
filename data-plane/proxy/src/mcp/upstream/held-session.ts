// A session at a legacy server as those who share it see it: there is always one to be had. It is opened when it is first
// needed, and again when the server has lost it, and then has what the former had: the level of the server's log and the
// subscriptions. Who shares it hears what belongs to no call.

import { TollgateError } from "@tollgate/kernel/errors";
import { logLevels, type LogLevel } from "../client.ts";
import { unlessUnreadable } from "../../bytes/members.ts";
import { readError, type ServerNotification, type ServerRequest } from "../wire/message.ts";
import type { AskParts } from "./ask.ts";
import { LegacySession } from "./legacy-session.ts";

export type SessionListener = {
  onNotification(notification: ServerNotification): void;
  /** True where somebody can be asked. */
  onRequest(request: ServerRequest, answer: (message: Buffer | string) => void): boolean;
};

export type HeldParts = AskParts & {
  /** JSON of the capabilities that whoever shares it has in common. */
  readonly declared: string;
  readonly clientInfo: string;
  readonly canLog: boolean;
  onOver(): void;
};

type Subscription = {
  count: number;
  readonly answer: Promise<Buffer>;
  /** The server agreed: another session has to have it, too. */
  isHeld: boolean;
};

/** Many servers ask it on the session's stream and mean a call. Roots are asked for in the name of the session. */
const askedForCalls: ReadonlySet<string> = new Set(["elicitation/create", "sampling/createMessage"]);

export class HeldSession {
  readonly listeners = new Set<SessionListener>();
  usedMs = performance.now();
  private readonly parts: HeldParts;
  private current: LegacySession | undefined;
  private opening: Promise<LegacySession> | undefined;
  private level: LogLevel | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private isClosed = false;

  constructor(parts: HeldParts) {
    this.parts = parts;
  }

  /** At once where one is open. */
  get(): LegacySession | Promise<LegacySession> {
    this.usedMs = performance.now();
    if (this.current?.isOpen === true && this.opening === undefined) return this.current;
    if (this.isClosed) throw new TollgateError("upstream.session-lost");
    this.opening ??= this.open().finally(() => (this.opening = undefined));
    return this.opening;
  }

  get isIdle(): boolean {
    return (this.current?.isIdle ?? true) && this.opening === undefined && this.subscriptions.size === 0;
  }

  private async open(): Promise<LegacySession> {
    const { declared, clientInfo } = this.parts;
    const session = await LegacySession.open(this.parts, {
      declared,
      clientInfo,
      events: {
        onNotification: (notification) => {
          for (const listener of this.listeners) unlessUnreadable(() => listener.onNotification(notification));
        },
        onRequest: (request) => this.request(session, request),
        onEnded: () => this.lost(session),
      },
    });
    this.current = session;
    // What a server says on this stream in the middle of a call is lost where the stream is not there yet.
    if (!this.isClosed) await session.openStream();
    if (this.isClosed) {
      session.close();
      throw new TollgateError("upstream.session-lost");
    }
    if (this.level !== undefined) await this.sendLevel(session, this.level);
    for (const [uri, { isHeld }] of this.subscriptions)
      if (isHeld) await session.request("resources/subscribe", JSON.stringify({ uri }));
    return session;
  }

  private request(session: LegacySession, request: ServerRequest): void {
    const answer = (message: Buffer | string): void => {
      session.post(message).catch(() => undefined); // A server that went does not wait for it.
    };
    if (request.method === "ping") return answer(`{"jsonrpc":"2.0","id":${request.id},"result":{}}`);
    for (const listener of this.listeners) if (listener.onRequest(request, answer)) return;
    // Where nothing was declared, as in a session that strangers share, there is nobody to ask.
    if (this.parts.declared !== "{}" && askedForCalls.has(request.method) && session.askInCall(request)) return;
    answer(`{"jsonrpc":"2.0","id":${request.id},"error":{"code":-32601,"message":"No client is there to ask."}}`);
  }

  /** Who waits for news does so until there is another session. */
  private lost(session: LegacySession): void {
    if (this.current !== session) return;
    this.current = undefined;
    if (!this.isClosed && this.subscriptions.size > 0) Promise.resolve(this.get()).catch(() => undefined);
  }

  /** Levels only ever become more talkative: others may share the session, and each hears what he asked for. */
  async hear(level: LogLevel): Promise<void> {
    if (!this.parts.canLog || (this.level !== undefined && logLevels.indexOf(this.level) <= logLevels.indexOf(level)))
      return;
    this.level = level;
    const session = await this.get();
    await this.sendLevel(session, level);
  }

  private async sendLevel(session: LegacySession, level: LogLevel): Promise<void> {
    await session.request("logging/setLevel", JSON.stringify({ level }));
  }

  /** Counted from the first moment on: who comes while the server is asked waits for the same answer, which is returned. */
  async subscribe(uri: string): Promise<Buffer> {
    const known = this.subscriptions.get(uri);
    if (known !== undefined) {
      known.count++;
      return known.answer;
    }
    const subscription = { count: 1, answer: this.askToSubscribe(uri), isHeld: false };
    this.subscriptions.set(uri, subscription);
    try {
      const answer = await subscription.answer;
      subscription.isHeld = readError(answer) === undefined;
      if (!subscription.isHeld) this.forget(uri, subscription);
      return answer;
    } catch (error) {
      this.forget(uri, subscription);
      throw error;
    }
  }

  private async askToSubscribe(uri: string): Promise<Buffer> {
    return (await this.get()).request("resources/subscribe", JSON.stringify({ uri }));
  }

  private forget(uri: string, subscription: Subscription): void {
    if (this.subscriptions.get(uri) === subscription) this.subscriptions.delete(uri);
  }

  async unsubscribe(uri: string): Promise<void> {
    const subscription = this.subscriptions.get(uri);
    if (subscription === undefined || --subscription.count > 0) return;
    this.subscriptions.delete(uri);
    if (this.current?.isOpen === true) await this.current.request("resources/unsubscribe", JSON.stringify({ uri }));
  }

  /** To the server, where there is a session; it has not missed anything where there is none. */
  notify(message: Buffer | string): void {
    this.current?.post(message).catch(() => undefined);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.current?.close();
    this.listeners.clear();
    this.subscriptions.clear();
    this.parts.onOver();
  }
}
