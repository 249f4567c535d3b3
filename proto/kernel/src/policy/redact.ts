// The kind `redact`: what matches one of its patterns is taken out of the texts of a call, of its answer, or of both, and
// something else is written in its place. It says what to take out; where texts stand in a message is known to those who
// carry it. Answers of models are not taken: they come in pieces, and what a pattern looks for may stand in two of them.

import { RedactDirection, RedactOf, type RedactPolicy } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { PolicyRefused, type Direction, type Judge, type Redaction } from "./answer.ts";
import { patternOf, patternProblem } from "./pattern.ts";

const directions: Readonly<Record<RedactDirection, readonly Direction[]>> = {
  [RedactDirection.UNSPECIFIED]: [],
  [RedactDirection.REQUEST]: ["request"],
  [RedactDirection.RESPONSE]: ["response"],
  [RedactDirection.BOTH]: ["request", "response"],
};

const kindsOfText: Readonly<Record<RedactOf, Redaction["of"] | undefined>> = {
  [RedactOf.UNSPECIFIED]: undefined,
  [RedactOf.TOOLS]: "tools",
  [RedactOf.MODELS]: "models",
};

export function compileRedact(redact: RedactPolicy): Judge {
  const of = kindsOfText[redact.of];
  const way = directions[redact.direction];
  if (of === undefined) throw refused("of", "it is neither tools nor models");
  if (way === undefined || way.length === 0) throw refused("direction", "it is neither request, response nor both");
  if (of === "models" && way.includes("response"))
    throw refused(
      "direction",
      "answers of models come in pieces, and what a pattern looks for may stand in two of them; only `request` is taken",
    );
  const redaction = { of, directions: new Set(way), patterns: patternsOf(redact), replacement: redact.replacement };
  const answer = { outcome: "redacts", redaction } as const;
  return () => answer;
}

function patternsOf({ patterns, replacement }: RedactPolicy): Redaction["patterns"] {
  if (patterns.length === 0) throw refused("patterns", "there is none");
  if (patterns.length > limits.policyPatternsMax)
    throw refused("patterns", `there are more than ${limits.policyPatternsMax}`);
  if (replacement.length > limits.policyReplacementCharsMax)
    throw refused("replacement", `it is longer than ${limits.policyReplacementCharsMax} characters`);
  return patterns.map((text, index) => {
    const field = `patterns[${index}]`;
    const problem = patternProblem(text);
    if (problem !== undefined) throw refused(field, `it ${problem}`);
    const pattern = patternOf(text);
    if (pattern.test("")) throw refused(field, "it matches an empty text, which stands everywhere");
    // A call may pass two workers: what was written by the first must be left alone by the second.
    if (pattern.test(replacement)) throw refused(field, "it matches the replacement, too");
    return pattern;
  });
}

function refused(field: string, message: string): PolicyRefused {
  return new PolicyRefused({ field: `redact.${field}`, message });
}

/** Undefined: nothing in it has to be taken out. */
export function redactedText({ patterns, replacement }: Redaction, text: string): string | undefined {
  let redacted = text;
  // What one of them takes out, the next one does not see.
  for (const pattern of patterns)
    if (pattern.test(redacted)) redacted = pattern.matcher(redacted).replaceAll(() => replacement);
  return redacted === text ? undefined : redacted;
}
