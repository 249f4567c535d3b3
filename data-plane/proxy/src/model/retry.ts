// Which answers another credential might not give, and what is learned of a credential by an answer.

import type { IncomingHttpHeaders } from "node:http";
import type { Experience } from "./credentials.ts";

/** Not what the request itself is refused for: that any credential would meet. */
export function isRetried(status: number): boolean {
  return isCredentialRefused(status) || status === 408 || status === 409 || status === 429 || status >= 500;
}

export function isCredentialRefused(status: number): boolean {
  return status === 401 || status === 403;
}

export function experienceOf(status: number, headers: IncomingHttpHeaders, wallMs: number): Experience {
  if (isCredentialRefused(status)) return { kind: "refused" };
  if (!isRetried(status)) return { kind: "served" };
  const afterMs = status === 429 ? retryAfterMs(headers, wallMs) : undefined;
  return afterMs === undefined ? { kind: "trouble" } : { kind: "limited", afterMs };
}

/** In seconds or as a date, and to the millisecond where a provider says that, too. */
function retryAfterMs(headers: IncomingHttpHeaders, wallMs: number): number | undefined {
  const exact = headers["retry-after-ms"];
  if (typeof exact === "string" && /^\d{1,9}(\.\d+)?$/.test(exact)) return Number(exact);
  const after = headers["retry-after"];
  if (after === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(after)) return Number(after) * 1_000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}
