// Secrets: that one exists, under which name and in which version. The value is never here; whoever stores it writes the
// encrypted row in the transaction that appends the event, for the version that was decided.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { SecretErasedSchema, SecretStoredSchema, type SecretErased, type SecretStored } from "@tollgate/schema/events";
import type { Secret } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput, type NotFound } from "../refusals.ts";

export type SecretCommand =
  /** A new secret, or a new version of one. */
  { kind: "store"; id: string; name: string } | { kind: "erase"; id: string };

export type SecretRefusal = InvalidInput | NotFound;

export const secretDecider: Decider<Secret | undefined, SecretCommand, SecretStored | SecretErased, SecretRefusal> = {
  stream: "secret",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.SecretErased" ? undefined : event.secret),
  decide(command, secret) {
    const { id } = command;
    switch (command.kind) {
      case "store": {
        const { name } = command;
        if (!isName(name) && !headerSecretPattern.test(name))
          return refuse(invalidInput("name", `is not a name: ${nameRule}`));
        const version = (secret?.version ?? 0) + 1;
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

const headerSecretPattern = /^server\/[^/]+\/[^/]+$/;

/** A secret that belongs to a server's header. Names that people give have no `/`, so the two never meet. */
export function headerSecretName(server: string, header: string): string {
  return `server/${server}/${header.toLowerCase()}`;
}
