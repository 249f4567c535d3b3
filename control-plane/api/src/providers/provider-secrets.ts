// From what somebody wants a provider's credentials to be to what is stored: references to secrets, and the secrets that must be
// stored or erased for them. A value that is given inline becomes a secret of the provider's own, one a credential. A
// credential that comes without a value keeps the one that it had under its name.

import { isName, nameRule } from "@tollgate/kernel/ids";
import { headerValueProblem } from "@tollgate/kernel/server-rules";
import { invalidInput } from "../refusals.ts";
import {
  ownAmong,
  planReferences,
  refusedReference,
  storedNames,
  type RefusedReference,
  type WantedSecret,
} from "../secrets/own-secrets.ts";
import type { NewSecret, SecretChanges } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import { credentialSecretName, secretsOwner } from "../secrets/secret.decider.ts";
import { credentialNameProblem } from "./provider-problems.ts";
import type { CredentialReference } from "./provider.decider.ts";

export type WantedCredential = {
  name: string;
  /** `kept`: what the credential of this name has. */
  source: { value: string } | { secretName: string } | "kept";
  weight: number;
  models: readonly string[];
};

export type PlannedCredentials =
  { outcome: "planned"; credentials: CredentialReference[]; changes: SecretChanges } | RefusedReference;

export function namedSecrets(wanted: readonly WantedCredential[]): string[] {
  return storedNames(wanted.flatMap(({ name, source }) => (source === "kept" ? [] : [{ name, prefix: "", source }])));
}

/** `directory` holds the secrets that are named, and all of the provider's own; `former` are its credentials before. */
export function planCredentials(
  provider: string,
  wanted: readonly WantedCredential[],
  { directory, former, newId }: { directory: SecretDirectory; former: Former; newId: () => string },
): PlannedCredentials {
  if (!isName(provider)) return refusedReference(invalidInput("name", `is not a name: ${nameRule}`));
  const secrets: WantedSecret[] = [];
  for (const [index, { name, source }] of wanted.entries()) {
    const kept = former.find((one) => one.name === name);
    if (source !== "kept") secrets.push({ name, prefix: "", source });
    else if (kept) secrets.push({ name, prefix: "", source: { secretId: kept.secretId } });
    else return refusedReference(invalidInput(`credentials[${index}]`, "must have one of `secretName` and `value`"));
  }
  const stores: NewSecret[] = [];
  const erasures: string[] = [];
  const own = ownAmong(directory, secretsOwner("provider", provider));
  const secretName = (name: string): string => credentialSecretName(provider, name);
  const planned = planReferences({ ...rules, secretName }, secrets, { directory, own, newId, stores, erasures });
  if (!Array.isArray(planned)) return planned;
  const credentials = planned.map(({ name, secretId }, index) => {
    const { weight = 1, models = [] } = wanted[index] ?? {};
    return { name, secretId, weight, models };
  });
  return { outcome: "planned", credentials, changes: { stores, erasures } };
}

type Former = readonly Pick<CredentialReference, "name" | "secretId">[];

const rules = {
  field: "credentials",
  nameProblem: credentialNameProblem,
  valueProblem: headerValueProblem,
  isOwn: () => true,
};
