// How long a server that ended by itself is left alone: twice as long each time, with jitter so that servers that failed
// together do not start together, and anew from the shortest pause once one has lived for a while.

import type { ChannelLimits } from "./limits.ts";

export type BackOff = {
  failed(livedMs: number): void;
  /** 0 where it may be started. */
  remainingMs(): number;
};

export type BackOffParts = {
  limits: Pick<ChannelLimits, "backOffMsMin" | "backOffMsMax" | "steadyMs">;
  nowMs: () => number;
  /** At least 0, below 1. */
  random: () => number;
};

export function createBackOff({ limits, nowMs, random }: BackOffParts): BackOff {
  let pauseMs = limits.backOffMsMin;
  let untilMs = Number.NEGATIVE_INFINITY;
  return {
    failed(livedMs) {
      if (livedMs >= limits.steadyMs) pauseMs = limits.backOffMsMin;
      untilMs = nowMs() + pauseMs * (0.5 + random() / 2);
      pauseMs = Math.min(pauseMs * 2, limits.backOffMsMax);
    },
    remainingMs: () => Math.max(0, untilMs - nowMs()),
  };
}
