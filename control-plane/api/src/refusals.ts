// What deciders refuse with, besides the name rules of the log. Each is a state of the world in a word, with what a person
// needs to see which; `sentenceOf` says it. How a refusal looks in the admin API is in `graphql/refusals.ts`.

import { assertNever, type NameRefusal } from "@tollgate/kernel/decider";

/** `problem` completes the sentence that begins with the field: "is empty". It never repeats what may be a secret. */
export type InvalidInput = { kind: "invalid-input"; field: string; problem: string };
export type NotFound = { kind: "not-found"; scope: string };
export type AlreadyExists = { kind: "already-exists"; scope: string };
export type AlreadyRevoked = { kind: "already-revoked"; revokedAtMs: number };
/** `sha256` is what was seen last, in hexadecimal; undefined where there is no such tool. */
export type ToolChanged = { kind: "tool-changed"; name: string; sha256: string | undefined };
/** `heardMs`: when it was heard of last. */
export type ProxyConnected = { kind: "proxy-connected"; heardMs: number };
export type NothingLent = { kind: "nothing-lent"; proxyId: string };
export type JoinRefused = { kind: "join-refused"; why: "spent" | "expired" | "for another environment" };

export type AnyRefusal =
  | InvalidInput
  | NotFound
  | AlreadyExists
  | AlreadyRevoked
  | ToolChanged
  | ProxyConnected
  | NothingLent
  | JoinRefused
  | NameRefusal;

export function invalidInput(field: string, problem: string): InvalidInput {
  return { kind: "invalid-input", field, problem };
}

export function sentenceOf(refusal: AnyRefusal): string {
  switch (refusal.kind) {
    case "invalid-input":
      return `\`${refusal.field}\` ${refusal.problem}.`;
    case "not-found":
      return `There is no ${refusal.scope}.`;
    case "already-exists":
      return `${refusal.scope} exists already.`;
    case "already-revoked":
      return `It was revoked at ${new Date(refusal.revokedAtMs).toISOString()}; what is revoked does not come back.`;
    case "tool-changed":
      return refusal.sha256 === undefined
        ? `There is no tool ${refusal.name}.`
        : `The tool ${refusal.name} is not defined any more as it was when it was looked at.`;
    case "proxy-connected":
      return `It was heard of at ${new Date(refusal.heardMs).toISOString()} and goes on spending what it was lent; \`force\` writes it off all the same.`;
    case "nothing-lent":
      return `Nothing is lent to the proxy ${refusal.proxyId}.`;
    case "join-refused":
      return `The token is ${refusal.why}.`;
    case "name-taken":
      return `The name ${refusal.name} is taken.`;
    case "in-use":
      return `It is still needed by ${refusal.by}.`;
    case "reference-missing":
      return `It refers to ${refusal.scope}, which does not exist.`;
    default:
      return assertNever(refusal);
  }
}
