// From what somebody wants a server's headers and environment to be to what is stored: references to secrets, and the secrets
// that must be stored or erased for them. A value that is given inline becomes a secret of the server's own, one a header or
// variable. Each of the two lists leaves the other's secrets alone.

import { isName, nameRule } from "@tollgate/kernel/ids";
import {
  headerNameProblem,
  headerValueProblem,
  variableNameProblem,
  variableValueProblem,
} from "@tollgate/kernel/server-rules";
import { invalidInput } from "../refusals.ts";
import {
  ownAmong,
  planReferences,
  refusedReference,
  storedNames,
  type RefusedReference,
  type WantedReference,
  type WantedSecret,
} from "../secrets/own-secrets.ts";
import type { NewSecret, SecretChanges } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import { headerSecretName, isVariableSecret, secretsOwner, variableSecretName } from "../secrets/secret.decider.ts";
import type { HeaderReference, VariableReference } from "./server.decider.ts";

export type WantedHeader = WantedSecret;
export type WantedVariable = WantedReference;

/** What is absent stays as it is. */
export type WantedCredentials = {
  headers?: readonly WantedHeader[] | undefined;
  environment?: readonly WantedVariable[] | undefined;
};

export type CredentialReferences = { headers?: HeaderReference[]; environment?: VariableReference[] };

export type PlannedCredentials =
  { outcome: "planned"; references: CredentialReferences; changes: SecretChanges } | RefusedReference;

export function namedSecrets({ headers = [], environment = [] }: WantedCredentials): string[] {
  return storedNames([...headers, ...environment]);
}

/** `directory` holds the secrets that are named, and all of the server's own. */
export function planCredentials(
  server: string,
  { headers, environment }: WantedCredentials,
  directory: SecretDirectory,
  newId: () => string,
): PlannedCredentials {
  if (!isName(server)) return refusedReference(invalidInput("name", `is not a name: ${nameRule}`));
  const own = ownAmong(directory, secretsOwner("server", server));
  const stores: NewSecret[] = [];
  const erasures: string[] = [];
  const references: CredentialReferences = {};
  const among = { directory, own, newId, stores, erasures };
  if (headers) {
    const rules = { ...ofHeaders, secretName: (name: string) => headerSecretName(server, name) };
    const planned = planReferences(rules, headers, among);
    if (!Array.isArray(planned)) return planned;
    references.headers = planned.map(({ name, prefix, secretId }) => ({ name, prefix, secretId }));
  }
  if (environment) {
    const rules = { ...ofEnvironment, secretName: (name: string) => variableSecretName(server, name) };
    const planned = planReferences(rules, environment, among);
    if (!Array.isArray(planned)) return planned;
    references.environment = planned;
  }
  return { outcome: "planned", references, changes: { stores, erasures } };
}

const ofHeaders = {
  field: "headers",
  nameProblem: headerNameProblem,
  valueProblem: headerValueProblem,
  isOwn: (name: string) => !isVariableSecret(name),
};

const ofEnvironment = {
  field: "environment",
  nameProblem: variableNameProblem,
  valueProblem: variableValueProblem,
  isOwn: isVariableSecret,
};
