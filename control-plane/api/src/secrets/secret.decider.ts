// Secrets: that one exists, under which name and in which version. The value is never here; whoever stores it writes the
// encrypted row in the transaction that appends the event, for the version that was decided. Versions of one id only grow:
// who looked a name up before somebody else erased the secret stores it under the id that he found, and a proxy that holds
// version 3 of it would take no notice of a new version 1.

import { create, isMessage } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { SecretErasedSchema, SecretStoredSchema, type SecretErased, type SecretStored } from "@tollgate/schema/events";
import { SecretSchema, type Secret } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput, type NotFound } from "../refusals.ts";

export type SecretCommand =
  /** A new secret, or a new version of one. */
  { kind: "store"; id: string; name: string } | { kind: "erase"; id: string };

export type SecretRefusal = InvalidInput | NotFound;

export type SecretEvent = SecretStored | SecretErased;

/** `secret` is there while it is not erased; `version` is the last that was ever stored. */
export type SecretState = { secret: Secret | undefined; version: number };

export const secretDecider: Decider<SecretState | undefined, SecretCommand, SecretEvent, SecretRefusal> = {
  stream: "secret",
  initial: undefined,
  evolve(_, event) {
    const isErased = event.$typeName === "tollgate.v1.SecretErased";
    return { secret: isErased ? undefined : event.secret, version: event.secret?.version ?? 0 };
  },
  decide(command, state) {
    const { id } = command;
    const secret = state?.secret;
    switch (command.kind) {
      case "store": {
        const { name } = command;
        if (!isName(name) && !ownSecretPattern.test(name))
          return refuse(invalidInput("name", `is not a name: ${nameRule}`));
        const version = (state?.version ?? 0) + 1;
        return accept([create(SecretStoredSchema, { secret: { id, name, version } })], { reserve: name });
      }
      case "erase":
        if (!secret) return refuse({ kind: "not-found", scope: scopeOf("secret", id) });
        return accept([create(SecretErasedSchema, { secret })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

/** The secret that a store leaves; undefined for the states of other deciders, beside which it may stand in a commit. */
export function secretIn(state: unknown): Secret | undefined {
  if (typeof state !== "object" || state === null || !("secret" in state)) return undefined;
  return isMessage(state.secret, SecretSchema) ? state.secret : undefined;
}

const ownSecretPattern = /^(?:server|provider)\/[^/]+\/[^/]+$/;

/** How the names of a resource's own secrets begin. Names that people give have no `/`, so the two never meet. */
export function secretsOwner(kind: "server" | "provider", name: string): string {
  return `${kind}/${name}`;
}

/** A secret that belongs to a server's header. */
export function headerSecretName(server: string, header: string): string {
  return `${secretsOwner("server", server)}/${header.toLowerCase()}`;
}

/** One that belongs to a variable of a server's environment. No header's name has a colon. */
export function variableSecretName(server: string, variable: string): string {
  return `${secretsOwner("server", server)}/env:${variable}`;
}

export function isVariableSecret(secretName: string): boolean {
  return /^server\/[^/]+\/env:/.test(secretName);
}

/** One that is a credential of a provider. */
export function credentialSecretName(provider: string, credential: string): string {
  return `${secretsOwner("provider", provider)}/${credential}`;
}
