// Tokens with which proxies enrol: issued for so many proxies, used, revoked. Only the hash arrives here. A use is an event
// of the same commit as the enrolment, so that of many proxies that come with one token at once no more get in than it is
// for. A proxy uses a token once, however often it comes back with it: an answer that was lost costs nothing, and a proxy that
// was away may come back after the token has expired. Of a revoked token nobody comes back.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  JoinTokenIssuedSchema,
  JoinTokenRevokedSchema,
  JoinTokenUsedSchema,
  type JoinTokenIssued,
  type JoinTokenRevoked,
  type JoinTokenUsed,
} from "@tollgate/schema/events";
import type { JoinToken } from "@tollgate/schema/resources";
import {
  invalidInput,
  type AlreadyExists,
  type AlreadyRevoked,
  type InvalidInput,
  type JoinRefused,
  type NotFound,
} from "../refusals.ts";

export type JoinTokenCommand =
  | {
      kind: "issue";
      id: string;
      name: string;
      sha256: Uint8Array;
      usesMax: number;
      /** Empty: any. */
      environment: string;
      expiresAtMs: number | undefined;
      timeMs: number;
    }
  | { kind: "use"; id: string; proxyId: string; environment: string; timeMs: number }
  | { kind: "revoke"; id: string; timeMs: number };

export type JoinTokenEvent = JoinTokenIssued | JoinTokenUsed | JoinTokenRevoked;
export type JoinTokenRefusal = InvalidInput | NotFound | AlreadyExists | AlreadyRevoked | JoinRefused;

/** Each use carries all that were before it. */
const usesPerTokenMax = 1_000;
const environmentCharsMax = 63;

export const joinTokenDecider: Decider<JoinToken | undefined, JoinTokenCommand, JoinTokenEvent, JoinTokenRefusal> = {
  stream: "join-token",
  initial: undefined,
  evolve: (_, event) => event.joinToken,
  decide(command, token) {
    const scope = scopeOf("join-token", command.id);
    if (token?.revokedAtMs !== undefined)
      return refuse({ kind: "already-revoked", revokedAtMs: Number(token.revokedAtMs) });
    switch (command.kind) {
      case "issue": {
        const { id, name, sha256, usesMax, environment, expiresAtMs, timeMs } = command;
        if (token) return refuse({ kind: "already-exists", scope });
        if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
        if (!Number.isInteger(usesMax) || usesMax < 1 || usesMax > usesPerTokenMax)
          return refuse(invalidInput("usesMax", `is not a number from 1 to ${usesPerTokenMax}`));
        if (environment.length > environmentCharsMax)
          return refuse(invalidInput("environment", `has more than ${environmentCharsMax} characters`));
        if (expiresAtMs !== undefined && expiresAtMs <= timeMs)
          return refuse(invalidInput("expiresAt", "is in the past"));
        const expiry = expiresAtMs === undefined ? {} : { expiresAtMs: BigInt(expiresAtMs) };
        const joinToken = { id, name, sha256, usesMax, environment, createdAtMs: BigInt(timeMs), ...expiry };
        return accept([create(JoinTokenIssuedSchema, { joinToken })], { reserve: name });
      }
      case "use": {
        if (!token) return refuse({ kind: "not-found", scope });
        const { proxyId, environment, timeMs } = command;
        if (token.environment !== "" && token.environment !== environment)
          return refuse({ kind: "join-refused", why: "for another environment" });
        // It is in already: when a token ends is about who may come in with it.
        if (token.usedBy.includes(proxyId)) return accept([]);
        if (token.expiresAtMs !== undefined && Number(token.expiresAtMs) <= timeMs)
          return refuse({ kind: "join-refused", why: "expired" });
        if (token.usedBy.length >= token.usesMax) return refuse({ kind: "join-refused", why: "spent" });
        return accept([create(JoinTokenUsedSchema, { joinToken: { ...token, usedBy: [...token.usedBy, proxyId] } })]);
      }
      case "revoke": {
        if (!token) return refuse({ kind: "not-found", scope });
        const joinToken = { ...token, revokedAtMs: BigInt(command.timeMs) };
        return accept([create(JoinTokenRevokedSchema, { joinToken })], { release: true });
      }
      default:
        return assertNever(command);
    }
  },
};
