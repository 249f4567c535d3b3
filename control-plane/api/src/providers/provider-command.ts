// One command to a provider together with the secrets of its credentials, in one commit.

import { ProviderSchema, type Provider } from "@tollgate/schema/resources";
import { foldStream } from "../log/fold-stream.ts";
import type { Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import type { Plane } from "../plane.ts";
import { commandOwner, type OwnerDone } from "../secrets/owner-command.ts";
import { secretsOwner } from "../secrets/secret.decider.ts";
import { namedSecrets, planCredentials, type WantedCredential } from "./provider-secrets.ts";
import { providerDecider, type CredentialReference, type ProviderCommand } from "./provider.decider.ts";

export type ProviderWish = {
  id: string;
  name: string;
  /** Undefined: they stay as they are. */
  credentials: readonly WantedCredential[] | undefined;
  command: (credentials: CredentialReference[] | undefined) => ProviderCommand;
  /** But for its position. */
  answer: (provider: Provider | undefined) => AnswerBody;
};

export function commandProvider(plane: Plane, meta: Meta, wish: ProviderWish): Promise<OwnerDone<Provider>> {
  const { id, name, credentials, answer } = wish;
  const step = (references: CredentialReference[] | undefined) => {
    return { decider: providerDecider, id, command: wish.command(references) };
  };
  return commandOwner(plane, meta, {
    ...{ desc: ProviderSchema, owner: secretsOwner("provider", name), names: namedSecrets(credentials ?? []), answer },
    async plan(directory, newId) {
      if (!credentials) return { outcome: "planned", command: step(undefined), changes: { stores: [], erasures: [] } };
      const former = (await foldStream(plane.database.sql, providerDecider, id))?.credentials ?? [];
      const planned = planCredentials(name, credentials, { directory, former, newId });
      if (planned.outcome === "refused") return planned;
      return { outcome: "planned", command: step(planned.credentials), changes: planned.changes };
    },
  });
}
