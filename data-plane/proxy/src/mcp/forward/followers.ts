// Legs that wait for what another leg of the same call waits for, because their client came again before he had his answer.
// There are bounded many. Each is written down, whether it gets its turn, is refused, or its client goes meanwhile.

import type { Accounts } from "../../pipeline/record.ts";
import { errorMessage } from "../answers.ts";
import type { Era } from "../catalogue/catalogue.ts";
import type { Leg } from "./errand.ts";

export type Follower = { readonly leg: Leg; readonly round: number };

const followersMax = 16;
const nobody: readonly Follower[] = [];
const nothingCame = { upstreamStatus: 0, responseBytes: 0, firstByteMs: 0 };

export class Followers {
  private readonly accounts: Accounts;
  private readonly serverEra: () => Era;
  private waiting: Follower[] = [];

  constructor(accounts: Accounts, serverEra: () => Era) {
    this.accounts = accounts;
    this.serverEra = serverEra;
  }

  /** One more is refused. */
  add(follower: Follower): void {
    if (this.waiting.length < followersMax) return void this.waiting.push(follower);
    const { answering, envelope } = follower.leg.call;
    const message = errorMessage(envelope.id, "mcp.calls-full");
    this.end(follower.leg, "answered", () => answering.finish(message));
  }

  /** The first whose client is still there; those before it have gone. */
  next(): Leg | undefined {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (!next.leg.call.answering.response.destroyed) return next.leg;
      this.leave(next.leg);
    }
    return undefined;
  }

  /** None waits here any more. */
  takeAll(): readonly Follower[] {
    return this.waiting.length === 0 ? nobody : this.waiting.splice(0);
  }

  putBack(all: readonly Follower[]): void {
    this.waiting.push(...all);
  }

  /** Its client went before it had its turn. */
  leave(leg: Leg): void {
    this.end(leg, "client-closed", () => leg.call.answering.break());
  }

  private end(leg: Leg, outcome: "answered" | "client-closed", release: () => void): void {
    this.accounts.completed(leg, { outcome, ...nothingCame, serverEra: this.serverEra() }, release);
  }
}
