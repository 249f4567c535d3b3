// What OpenAI's clients are told of budgets and limits. Limits are in the headers that OpenAI itself has for them; for budgets it
// has none, so that a client learns of one by its end alone: `insufficient_quota`, after which clients do not come again by
// themselves. What is only held, and a limit that is reached, is `rate_limit_exceeded`, after which they do.

import { doorShapeOf } from "@tollgate/kernel/errors";
import { headLines } from "../../http/gate-response.ts";
import {
  addLimits,
  retryHeaders,
  shortageCodes,
  shortageText,
  type Shortage,
  type ShortageAnswer,
  type Standing,
} from "../../pipeline/allowance.ts";
import { errorBodyOf } from "./envelope.ts";

const limitNames = (["requests", "tokens"] as const).map((measure) => ({
  measure,
  limit: `x-ratelimit-limit-${measure}`,
  remaining: `x-ratelimit-remaining-${measure}`,
  reset: `x-ratelimit-reset-${measure}`,
}));

/** Of an answer to a call that went out; names and values in turn. Nothing where there is nothing to say. */
export function standingHeaders({ limits }: Standing, nowMs: number): string[] {
  return addLimits([], limits, limitNames, (resetMs) => durationText(resetMs - nowMs));
}

export function standingLines(standing: Standing, nowMs: number): string {
  return headLines(standingHeaders(standing, nowMs));
}

export function shortageAnswer(shortage: Shortage, standing: Standing, nowMs: number): ShortageAnswer {
  const code = shortageCodes[shortage.kind];
  return {
    status: doorShapeOf(code, "openai").http,
    headers: [...retryHeaders(shortage, nowMs), ...standingHeaders(standing, nowMs)],
    body: errorBodyOf(code, shortageText(shortage, nowMs)),
  };
}

/** As the protocol writes them: `120ms`, `1s`, `6m0s`. */
function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const seconds = Math.ceil(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const withMinutes = `${minutes}m${seconds % 60}s`;
  if (hours > 0) return `${hours}h${withMinutes}`;
  return minutes > 0 ? withMinutes : `${seconds}s`;
}
