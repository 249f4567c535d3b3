// From what somebody wants a server's headers to be to what is stored: references to secrets, and the secrets that must be
// stored or erased for them. A value that is given inline becomes a secret of the server's own, one a header; the same
// value again changes nothing. Pure: what is stored already is an argument, and no text repeats a value.

import { isName, nameRule } from "@tollgate/kernel/ids";
import { headerNameProblem, headerValueProblem } from "@tollgate/kernel/server-rules";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { NewSecret, SecretChanges } from "../secrets/secret-changes.ts";
import type { SecretDirectory } from "../secrets/secret-directory.ts";
import { headerSecretName } from "../secrets/secret.decider.ts";
import type { HeaderReference } from "./server.decider.ts";

export type WantedHeader = { name: string; prefix: string; source: { value: string } | { secretName: string } };

export type PlannedHeaders =
  | { outcome: "planned"; headers: HeaderReference[]; changes: SecretChanges }
  | { outcome: "refused"; refusal: InvalidInput | { kind: "reference-missing"; scope: string } };

/** `directory` holds the secrets that are named, and all of the server's own. */
export function planHeaders(
  server: string,
  wanted: readonly WantedHeader[],
  directory: SecretDirectory,
  newId: () => string,
): PlannedHeaders {
  const headers: HeaderReference[] = [];
  const stores: NewSecret[] = [];
  if (!isName(server)) return refused(invalidInput("name", `is not a name: ${nameRule}`));
  const own = new Map([...directory].filter(([name]) => name.startsWith(headerSecretName(server, ""))));
  const kept = new Set<string>();
  for (const [index, { name, prefix, source }] of wanted.entries()) {
    const field = `headers[${index}]`;
    const aboutName = headerNameProblem(name);
    if (aboutName !== undefined) return refused(invalidInput(`${field}.name`, aboutName));
    if ("secretName" in source) {
      // Another server's own secret is not to be had by its name.
      const known = isName(source.secretName) ? directory.get(source.secretName) : undefined;
      if (!known) return refused({ kind: "reference-missing", scope: `secret/${source.secretName}` });
      headers.push({ name, prefix, secretId: known.id });
      continue;
    }
    const aboutValue = source.value === "" ? "is empty" : headerValueProblem(prefix + source.value);
    if (aboutValue !== undefined) return refused(invalidInput(`${field}.value`, aboutValue));
    const secretName = headerSecretName(server, name);
    if (kept.has(secretName)) return refused(invalidInput(`${field}.name`, "is there twice"));
    kept.add(secretName);
    const known = own.get(secretName);
    const value = Buffer.from(source.value, "utf8");
    const id = known?.id ?? newId();
    if (!known?.value || !value.equals(known.value)) stores.push({ id, name: secretName, value });
    headers.push({ name, prefix, secretId: id });
  }
  const erasures = [...own].filter(([name]) => !kept.has(name)).map(([, { id }]) => id);
  return { outcome: "planned", headers, changes: { stores, erasures } };
}

function refused(refusal: Extract<PlannedHeaders, { outcome: "refused" }>["refusal"]): PlannedHeaders {
  return { outcome: "refused", refusal };
}
