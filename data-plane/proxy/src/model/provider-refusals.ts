// Answers of a provider that its client would misread if they were relayed as they are. It has a key of its own, follows where
// it is sent, and takes a path that is not there for a mistake of its own.

import type { Refusal } from "../pipeline/call.ts";
import type { ModelErrand } from "./errand.ts";
import { isCredentialRefused } from "./retry.ts";

/** What such an answer becomes. `look`: that depends on what it says. */
export function refusalFor(errand: ModelErrand, status: number): Refusal | "look" | undefined {
  if (isCredentialRefused(status)) return { code: "upstream.credential-refused" };
  if (status >= 300 && status < 400) return { code: "upstream.protocol", detail: `It answered with status ${status}.` };
  if (!isCount(errand)) return undefined;
  if (status === 404) return "look";
  return status === 405 || status === 501 ? countUnavailable : undefined;
}

export const countUnavailable: Refusal = { code: "model.count-unavailable" };

/** More than any error is. */
export const lookedAtBytesMax = 64 * 1024;

/** A provider that counts says with the same status that it has not the model, and that it has not the path. */
export function isAboutModel(body: Buffer): boolean {
  const text = body.toString("latin1");
  return /"type"\s*:\s*"not_found_error"/.test(text) && /\bmodel\b/i.test(text);
}

function isCount({ sent }: ModelErrand): boolean {
  return sent.kind === "call" && sent.request.operation === "messages/count_tokens";
}
