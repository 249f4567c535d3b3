// Values of a resource that are secrets: a server's headers and variables, a provider's credentials. From what somebody wants
// them to be to references, and to the secrets that must be stored or erased for them. A value that is given inline becomes a
// secret of the resource's own, one a name; the same value again changes nothing. Pure: what is stored already is an
// argument, and no text repeats a value.

import { isName } from "@tollgate/kernel/ids";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { NewSecret } from "./secret-changes.ts";
import type { SecretDirectory } from "./secret-directory.ts";

export type WantedSecret = {
  name: string;
  prefix: string;
  /** A value; a stored secret by its name; or one that is referred to already. */
  source: { value: string } | { secretName: string } | { secretId: string };
};
/** Or a value that is none. */
export type WantedReference = WantedSecret | { name: string; plain: string };

/** `prefix` and a secret, or `value` in clear. */
export type SecretReference = { name: string; prefix: string; secretId: string; value: string };

export type RefusedReference = {
  outcome: "refused";
  refusal: InvalidInput | { kind: "reference-missing"; scope: string };
};

/** Of one list of a resource. */
export type ReferenceRules = {
  field: string;
  nameProblem: (name: string) => string | undefined;
  valueProblem: (value: string) => string | undefined;
  /** Of the resource's own secrets, these are the list's. */
  isOwn: (secretName: string) => boolean;
  secretName: (name: string) => string;
};

export type Among = {
  /** The secrets that are named, and all of the resource's own. */
  directory: SecretDirectory;
  own: SecretDirectory;
  newId: () => string;
  stores: NewSecret[];
  erasures: string[];
};

export function storedNames(wanted: readonly WantedReference[]): string[] {
  return wanted.flatMap((one) => ("source" in one && "secretName" in one.source ? [one.source.secretName] : []));
}

export function ownAmong(directory: SecretDirectory, owner: string): SecretDirectory {
  return new Map([...directory].filter(([name]) => name.startsWith(`${owner}/`)));
}

/** Adds to the `stores` and `erasures` that it is given. */
export function planReferences(
  rules: ReferenceRules,
  wanted: readonly WantedReference[],
  among: Among,
): SecretReference[] | RefusedReference {
  const { directory, own, newId, stores, erasures } = among;
  const references: SecretReference[] = [];
  const kept = new Set<string>();
  for (const [index, one] of wanted.entries()) {
    const field = `${rules.field}[${index}]`;
    const aboutName = rules.nameProblem(one.name);
    if (aboutName !== undefined) return refusedReference(invalidInput(`${field}.name`, aboutName));
    if ("plain" in one) {
      references.push({ name: one.name, prefix: "", secretId: "", value: one.plain });
      continue;
    }
    const { name, prefix, source } = one;
    if ("secretId" in source) {
      references.push({ name, prefix, secretId: source.secretId, value: "" });
      continue;
    }
    if ("secretName" in source) {
      // Another resource's own secret is not to be had by its name.
      const known = isName(source.secretName) ? directory.get(source.secretName) : undefined;
      if (!known) return refusedReference({ kind: "reference-missing", scope: `secret/${source.secretName}` });
      references.push({ name, prefix, secretId: known.id, value: "" });
      continue;
    }
    const aboutValue = source.value === "" ? "is empty" : rules.valueProblem(prefix + source.value);
    if (aboutValue !== undefined) return refusedReference(invalidInput(`${field}.value`, aboutValue));
    const secretName = rules.secretName(name);
    if (kept.has(secretName)) return refusedReference(invalidInput(`${field}.name`, "is there twice"));
    kept.add(secretName);
    const known = own.get(secretName);
    const value = Buffer.from(source.value, "utf8");
    const id = known?.id ?? newId();
    if (!known?.value || !value.equals(known.value)) stores.push({ id, name: secretName, value });
    references.push({ name, prefix, secretId: id, value: "" });
  }
  const needed = new Set(references.map(({ secretId }) => secretId));
  for (const [name, { id }] of own) if (rules.isOwn(name) && !needed.has(id)) erasures.push(id);
  return references;
}

export function refusedReference(refusal: RefusedReference["refusal"]): RefusedReference {
  return { outcome: "refused", refusal };
}
