// What may stand in a provider's record and in a price, and what is meant where nothing is said. The configuration file and the
// deciders ask the same functions, so that what the one takes the other takes too. Each answers a predicate ("is not a URL")
// or nothing; none repeats the text it judges.

import { ProviderKind } from "@tollgate/schema/resources";
import { limits } from "./limits.ts";
import { modelNameProblem } from "./model-pattern.ts";
import { urlProblem } from "./server-rules.ts";

export const providerDefaults = { timeoutSeconds: 600, allowPrivateNetwork: false, passthrough: false } as const;

/** Of the kind's own service. */
export const usualBaseUrls = {
  [ProviderKind.ANTHROPIC]: "https://api.anthropic.com",
  [ProviderKind.OPENAI]: "https://api.openai.com/v1",
} as const;

export function baseUrlProblem(text: string): string | undefined {
  const problem = urlProblem(text);
  if (problem !== undefined) return problem;
  return text.includes("?") ? "has a query, behind which no path can stand" : undefined;
}

/** A model's name, or the beginning of names with a star behind it; a star alone is all. */
export function pricedModelProblem(text: string): string | undefined {
  return text === "*" ? undefined : modelNameProblem(text.endsWith("*") ? text.slice(0, -1) : text);
}

export function serviceTierProblem(text: string): string | undefined {
  const charsMax = limits.serviceTierCharsMax;
  if (text.length > charsMax) return `is longer than ${charsMax} characters`;
  return /^[\x21-\x7e]*$/.test(text) ? undefined : "holds a space or a character outside ASCII";
}
