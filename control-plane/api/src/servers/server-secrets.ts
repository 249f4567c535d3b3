// From what somebody wants a server's headers and environment to be to what is stored: references to secrets, and the secrets
// that must be stored or erased for them. A value that is given inline becomes a secret of the server's own, one a header or
// variable; the same value again changes nothing. Pure: what is stored already is an argument, and no text repeats a value.

import { isName, nameRule } from "@tollgate/kernel/ids";
import {
  headerNameProblem,
  headerValueProblem,
  variableNameProblem,
  variableValueProblem,
} from "@tollgate/kernel/server-rules";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { NewSecret, SecretChanges } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import { headerSecretName, isVariableSecret, variableSecretName } from "../secrets/secret.decider.ts";
import type { HeaderReference, VariableReference } from "./server.decider.ts";

export type WantedHeader = { name: string; prefix: string; source: { value: string } | { secretName: string } };
export type WantedVariable = WantedHeader | { name: string; plain: string };

/** What is absent stays as it is. */
export type WantedCredentials = {
  headers?: readonly WantedHeader[] | undefined;
  environment?: readonly WantedVariable[] | undefined;
};

export type CredentialReferences = { headers?: HeaderReference[]; environment?: VariableReference[] };

type Refused = {
  outcome: "refused";
  refusal: InvalidInput | { kind: "reference-missing"; scope: string };
};

export type PlannedCredentials =
  { outcome: "planned"; references: CredentialReferences; changes: SecretChanges } | Refused;

export function namedSecrets({ headers = [], environment = [] }: WantedCredentials): string[] {
  return [...headers, ...environment].flatMap((wanted) =>
    "source" in wanted && "secretName" in wanted.source ? [wanted.source.secretName] : [],
  );
}

/** `directory` holds the secrets that are named, and all of the server's own. */
export function planCredentials(
  server: string,
  { headers, environment }: WantedCredentials,
  directory: SecretDirectory,
  newId: () => string,
): PlannedCredentials {
  if (!isName(server)) return refused(invalidInput("name", `is not a name: ${nameRule}`));
  const own = new Map([...directory].filter(([name]) => name.startsWith(headerSecretName(server, ""))));
  const stores: NewSecret[] = [];
  const erasures: string[] = [];
  const references: CredentialReferences = {};
  const among = { directory, own, newId, stores, erasures };
  if (headers) {
    const planned = planList({ ...ofHeaders, secretName: (name) => headerSecretName(server, name) }, headers, among);
    if (!Array.isArray(planned)) return planned;
    references.headers = planned.map(({ name, prefix, secretId }) => ({ name, prefix, secretId }));
  }
  if (environment) {
    const planned = planList(
      { ...ofEnvironment, secretName: (name) => variableSecretName(server, name) },
      environment,
      among,
    );
    if (!Array.isArray(planned)) return planned;
    references.environment = planned;
  }
  return { outcome: "planned", references, changes: { stores, erasures } };
}

type Rules = {
  field: string;
  nameProblem: (name: string) => string | undefined;
  valueProblem: (value: string) => string | undefined;
  /** Of a server's own secrets, these are the list's. */
  isOwn: (secretName: string) => boolean;
  secretName: (name: string) => string;
};

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

type Among = {
  directory: SecretDirectory;
  own: SecretDirectory;
  newId: () => string;
  stores: NewSecret[];
  erasures: string[];
};

function planList(rules: Rules, wanted: readonly WantedVariable[], among: Among): VariableReference[] | Refused {
  const { directory, own, newId, stores, erasures } = among;
  const references: VariableReference[] = [];
  const kept = new Set<string>();
  for (const [index, one] of wanted.entries()) {
    const field = `${rules.field}[${index}]`;
    const aboutName = rules.nameProblem(one.name);
    if (aboutName !== undefined) return refused(invalidInput(`${field}.name`, aboutName));
    if ("plain" in one) {
      references.push({ name: one.name, prefix: "", secretId: "", value: one.plain });
      continue;
    }
    const { name, prefix, source } = one;
    if ("secretName" in source) {
      // Another server's own secret is not to be had by its name.
      const known = isName(source.secretName) ? directory.get(source.secretName) : undefined;
      if (!known) return refused({ kind: "reference-missing", scope: `secret/${source.secretName}` });
      references.push({ name, prefix, secretId: known.id, value: "" });
      continue;
    }
    const aboutValue = source.value === "" ? "is empty" : rules.valueProblem(prefix + source.value);
    if (aboutValue !== undefined) return refused(invalidInput(`${field}.value`, aboutValue));
    const secretName = rules.secretName(name);
    if (kept.has(secretName)) return refused(invalidInput(`${field}.name`, "is there twice"));
    kept.add(secretName);
    const known = own.get(secretName);
    const value = Buffer.from(source.value, "utf8");
    const id = known?.id ?? newId();
    if (!known?.value || !value.equals(known.value)) stores.push({ id, name: secretName, value });
    references.push({ name, prefix, secretId: id, value: "" });
  }
  for (const [name, { id }] of own) if (rules.isOwn(name) && !kept.has(name)) erasures.push(id);
  return references;
}

function refused(refusal: Refused["refusal"]): Refused {
  return { outcome: "refused", refusal };
}
