// How long a server may take for a call. While a question of its is open at a legacy client the time is that client's, who may be
// a person: the server's stands still, and goes on where it stood. A client has a bounded time, too, as one who comes again has.

import type { Deadlines } from "../../upstream/deadlines.ts";
import type { ClientSession } from "../downstream/client-sessions.ts";

export type ClockParts = {
  readonly deadlines: Deadlines;
  readonly serverMsMax: number;
  readonly clientMsMax: number;
  onLate(whose: "server" | "client"): void;
};

export class CallClock {
  private readonly parts: ClockParts;
  private leftMs = 0;
  private sinceMs = 0;
  private isStill = false;
  private unwatch: () => void = nothing;
  private leave: () => void = nothing;

  constructor(parts: ClockParts) {
    this.parts = parts;
  }

  /** The server has all its time. `isAsked`: whether the session's client is, for the sake of this call. */
  start(session: ClientSession | undefined, isAsked: () => boolean): void {
    this.stop();
    this.leftMs = this.parts.serverMsMax;
    this.run(isAsked());
    this.leave = session?.whenAsked(() => this.turn(isAsked())) ?? nothing;
  }

  stop(): void {
    this.unwatch();
    this.leave();
    this.unwatch = nothing;
    this.leave = nothing;
  }

  private turn(isStill: boolean): void {
    if (isStill === this.isStill) return;
    this.unwatch();
    if (isStill) this.leftMs -= performance.now() - this.sinceMs;
    this.run(isStill);
  }

  private run(isStill: boolean): void {
    const { deadlines, clientMsMax, onLate } = this.parts;
    this.isStill = isStill;
    this.sinceMs = performance.now();
    this.unwatch = isStill
      ? deadlines.watch(clientMsMax, () => onLate("client"))
      : deadlines.watch(Math.max(0, this.leftMs), () => onLate("server"));
  }
}

function nothing(): void {
  // It does not run.
}
