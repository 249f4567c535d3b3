// What is known of a server, for whoever operates the proxy: how it is, since when and why, and what was counted. It decides
// nothing.

import type { BackOff } from "./back-off.ts";
import type { ChannelState, ChannelStatus } from "./registration.ts";

export type Health = {
  change(status: ChannelStatus, reason: string): void;
  restarted(): void;
  dropped(what: keyof ChannelState["dropped"]): void;
  state(now: Pick<ChannelState, "channels" | "sessions" | "said">): ChannelState;
};

export function createHealth(nowMs: () => number, backOff: BackOff): Health {
  let status: ChannelStatus = "stopped";
  let reason = "Nobody has called it yet.";
  let sinceMs = nowMs();
  let restarts = 0;
  const dropped = { garbage: 0, late: 0, unheard: 0 };
  return {
    change(next, why) {
      if (next !== status) sinceMs = nowMs();
      [status, reason] = [next, why];
    },
    restarted: () => void restarts++,
    dropped: (what) => void dropped[what]++,
    state(now) {
      // It may be started again; whoever calls next does.
      const isRested = status === "backing-off" && backOff.remainingMs() === 0;
      return { status: isRested ? "stopped" : status, reason, sinceMs, restarts, dropped: { ...dropped }, ...now };
    },
  };
}
