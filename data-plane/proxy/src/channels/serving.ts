// One registration in force: its channels, the sessions on them, and when a channel is started, left alone or ended. A
// channel is started by who needs it first; a server that ended by itself is left alone for a while, and its sessions are
// forgotten with it. A registration that was replaced lets its calls finish and takes no new session.

import { createBackOff, type BackOff } from "./back-off.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import { Handshake, type Initialized } from "./handshake.ts";
import { createHealth, type Health } from "./health.ts";
import type { ChannelLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { problem, type ChannelProblem } from "./problem.ts";
import type { ChannelServer, ChannelState } from "./registration.ts";
import { Router } from "./router.ts";
import type { SaidLines } from "./said-lines.ts";
import { Session } from "./session.ts";

export type ServingParts = {
  server: ChannelServer;
  open: (server: ChannelServer, events: ChannelEvents) => Channel;
  said: SaidLines;
  limits: ChannelLimits;
  nowMs: () => number;
  random: () => number;
  onEnded: (why: ChannelProblem) => void;
};

/** In a row: a server that ends whatever it is asked is left alone as well. */
const probedEndsMax = 3;

const replaced = problem("channel.replaced", "The server's registration was changed or removed.");
const busy = (what: string) => problem("channel.busy", `The server has as many ${what} as it may have.`);

export class Serving {
  readonly server: ChannelServer;
  readonly #parts: ServingParts;
  readonly #limits: ChannelLimits;
  readonly #backOff: BackOff;
  readonly #health: Health;
  readonly #routers = new Map<Router, Handshake>();
  readonly #sessions = new Map<string, Session>();
  /** For all sessions, where they share one. */
  #shared: Router | undefined;
  /** For callers without a session. Never the former one: some servers settle for one era with the first message. */
  #stateless: Router | undefined;
  #hasFailed = false;
  #isRetired = false;
  /** Channels that end because they were told to. */
  readonly #meant = new WeakSet<Router>();
  #opening = 0;
  #probedEnds = 0;
  readonly #ending = new Set<Promise<void>>();
  readonly #emptied = Promise.withResolvers<void>();

  constructor(parts: ServingParts) {
    this.server = parts.server;
    this.#parts = parts;
    this.#limits = parts.limits;
    this.#backOff = createBackOff(parts);
    this.#health = createHealth(parts.nowMs, this.#backOff);
  }

  /** With a session where the server accepted; `gone` says that the caller does not wait any more. */
  async initialize(
    message: Message,
    gone: AbortSignal,
  ): Promise<(Initialized & { session: Session | undefined }) | ChannelProblem> {
    const router = this.#roomForSession() ?? (this.#isShared() ? this.#sharedRouter() : this.#start("one-session"));
    if (!(router instanceof Router)) return router;
    const handshake = this.#routers.get(router);
    if (handshake === undefined) return problem("channel.ended", "The server is gone.");
    const endWithCaller = () => this.#end(router, problem("channel.closing", "The caller is gone."));
    if (!this.#isShared()) gone.addEventListener("abort", endWithCaller);
    this.#opening++;
    const outcome = await handshake.initialize(message).finally(() => this.#opening--);
    gone.removeEventListener("abort", endWithCaller);
    const isAccepted = !("code" in outcome) && outcome.isAccepted && this.#routers.has(router) && !gone.aborted;
    if (!isAccepted && !this.#isShared()) endWithCaller();
    if ("code" in outcome) return outcome;
    if (!isAccepted) return { ...outcome, session: undefined };
    const onDropped = () => this.dropped("unheard");
    const session = new Session({ router, nowMs: this.#parts.nowMs, limits: this.#limits, onDropped });
    this.#probedEnds = 0;
    this.#sessions.set(session.id, session);
    router.sessions.add(session);
    return { ...outcome, session };
  }

  session(id: string): Session | undefined {
    const session = this.#sessions.get(id);
    session?.touch();
    return session;
  }

  /** Where a session's request goes. */
  routerOf(session: Session): Router | ChannelProblem {
    if (this.#callCount() >= this.#limits.requestsPerServerMax) return busy("requests under way");
    if (this.#isShared()) this.#routers.get(session.router)?.beReady(session);
    return session.router;
  }

  /** Where a request without a session goes. */
  stateless(): Router | ChannelProblem {
    if (this.#callCount() >= this.#limits.requestsPerServerMax) return busy("requests under way");
    if (this.#stateless !== undefined) return this.#stateless;
    const started = this.#start("stateless");
    if (started instanceof Router) this.#stateless = started;
    return started;
  }

  notify(message: Message, session: Session): void {
    if (message.method === "notifications/initialized")
      return this.#routers.get(session.router)?.ready(message, session);
    session.router.notify(message, session);
  }

  endSession(session: Session, why: ChannelProblem): void {
    this.#sessions.delete(session.id);
    session.router.sessions.delete(session);
    session.endStreams();
    if (this.#isShared()) session.router.endCalls(session, why);
    else this.#end(session.router, why);
  }

  /** Sessions and channels that nobody used for too long. */
  expire(): void {
    const why = problem("channel.session-unknown", "The session was not used for too long.");
    for (const session of this.#sessions.values())
      if (session.idleMs() > this.#limits.sessionIdleMsMax) this.endSession(session, why);
    const unused = problem("channel.closing", "Nobody has used it for some time.");
    const { probedIdleMsMax, sessionIdleMsMax } = this.#limits;
    for (const router of this.#routers.keys()) {
      const idleMsMax = router.wasOnlyProbed() ? Math.min(probedIdleMsMax, sessionIdleMsMax) : sessionIdleMsMax;
      if (router.idleMs() > idleMsMax) this.#end(router, unused);
    }
  }

  dropped = (what: keyof ChannelState["dropped"]): void => this.#health.dropped(what);

  state(): ChannelState {
    const said = this.#parts.said.newest();
    return this.#health.state({ channels: this.#routers.size, sessions: this.#sessions.size, said });
  }

  /** Nothing new; ends when the calls under way have, or after a bound. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    const late = setTimeout(() => this.#endAll(), this.#limits.retiredMsMax);
    this.#endUnused();
    if (this.#routers.size > 0) await this.#emptied.promise;
    clearTimeout(late);
    await Promise.all(this.#ending);
  }

  async close(): Promise<void> {
    this.#isRetired = true;
    this.#endAll();
    await Promise.all(this.#ending);
  }

  #isShared(): boolean {
    return this.server.isolation === "shared";
  }

  #callCount(): number {
    return [...this.#routers.keys()].reduce((sum, router) => sum + router.callCount(), 0);
  }

  #sharedRouter(): Router | ChannelProblem {
    if (this.#shared !== undefined) return this.#shared;
    const started = this.#start("sessions");
    if (started instanceof Router) this.#shared = started;
    return started;
  }

  /** Makes room by the session that was idle longest; a problem where none is idle. */
  #roomForSession(): ChannelProblem | undefined {
    const isFull = this.#sessions.size + this.#opening >= this.#limits.sessionsPerServerMax;
    if (!isFull && (this.#isShared() || this.#routers.size < this.#limits.channelsPerServerMax)) return undefined;
    const [idlest] = [...this.#sessions.values()]
      .filter((session) => session.idleMs() > 0)
      .toSorted((one, other) => other.idleMs() - one.idleMs());
    if (idlest === undefined) return busy("sessions in use");
    this.endSession(idlest, problem("channel.session-unknown", "The session made room for another."));
    return undefined;
  }

  #start(use: "sessions" | "one-session" | "stateless"): Router | ChannelProblem {
    if (this.#isRetired) return replaced;
    const restMs = this.#backOff.remainingMs();
    const { reason } = this.state();
    if (restMs > 0)
      return problem("channel.backing-off", `It is started again in ${Math.ceil(restMs / 1_000)} s: ${reason}`);
    const startedMs = this.#parts.nowMs();
    if (this.#routers.size === 0) this.#health.change("starting", "It is being started.");
    if (this.#hasFailed) this.#health.restarted();
    this.#hasFailed = false;
    const router: Router = new Router({
      open: (events) => this.#parts.open(this.server, events),
      isShared: use !== "one-session",
      nowMs: this.#parts.nowMs,
      limits: this.#limits,
      onAlive: () => this.#health.change("running", "It has answered."),
      onClosed: (why, wasProbed) => this.#closed(router, why, wasProbed, this.#parts.nowMs() - startedMs),
      onSaid: (line) => this.#parts.said.take(line),
      onDropped: this.dropped,
      // The call's own answer goes out first.
      onSettled: () => this.#isRetired && queueMicrotask(() => this.#endUnused()),
    });
    this.#routers.set(router, new Handshake(router, this.#limits));
    return router;
  }

  #closed(router: Router, why: ChannelProblem, wasProbed: boolean, livedMs: number): void {
    this.#routers.delete(router);
    if (this.#shared === router) this.#shared = undefined;
    if (this.#stateless === router) this.#stateless = undefined;
    for (const session of router.sessions) this.#sessions.delete(session.id);
    // Its child goes on to end, whoever began it.
    this.#awaitEnd(router.close(why));
    if (!this.#meant.has(router)) {
      this.#hasFailed = true;
      // A server of the former era may leave at the question for the newer one: that is its answer, and no fault.
      this.#probedEnds = wasProbed ? this.#probedEnds + 1 : 0;
      // Where each session has a program, one that breaks its own must not keep the others from starting theirs.
      const isOneSessions = !this.#isShared() && router.sessions.size > 0;
      if (!isOneSessions && (!wasProbed || this.#probedEnds > probedEndsMax)) this.#backOff.failed(livedMs);
      this.#parts.onEnded(why);
    }
    if (this.#routers.size > 0) return;
    if (this.#isRetired) this.#emptied.resolve();
    this.#health.change(this.#backOff.remainingMs() > 0 ? "backing-off" : "stopped", why.message);
  }

  #end(router: Router, why: ChannelProblem): void {
    this.#meant.add(router);
    this.#awaitEnd(router.close(why));
  }

  #endUnused(): void {
    for (const router of this.#routers.keys()) if (router.callsUnderWay() === 0) this.#end(router, replaced);
  }

  #endAll(): void {
    for (const router of this.#routers.keys()) this.#end(router, replaced);
  }

  #awaitEnd(end: Promise<void>): void {
    this.#ending.add(end);
    void end.finally(() => this.#ending.delete(end));
  }
}
