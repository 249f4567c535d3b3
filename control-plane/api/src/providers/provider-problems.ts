// What is wrong with a provider as a whole, by the rules that the configuration file asks, too. Nothing repeats a value.

import { limits } from "@tollgate/kernel/limits";
import { servedModelProblem } from "@tollgate/kernel/model-pattern";
import { isName, nameRule } from "@tollgate/kernel/ids";
import { baseUrlProblem } from "@tollgate/kernel/provider-rules";
import { ProviderKind } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { CredentialReference, ProviderSettings } from "./provider.decider.ts";

export function settingsProblem(settings: ProviderSettings): InvalidInput | undefined {
  const { kind, baseUrl, credentials, models, timeoutSeconds } = settings;
  if (kind === ProviderKind.UNSPECIFIED) return invalidInput("kind", "is none");
  const aboutUrl = baseUrlProblem(baseUrl);
  if (aboutUrl !== undefined) return invalidInput("baseUrl", aboutUrl);
  const max = limits.providerTimeoutSecondsMax;
  if (!isWhole(timeoutSeconds, max)) return invalidInput("timeoutSeconds", `is not a whole number from 1 to ${max}`);
  return servedProblem("models", models, limits.modelPatternsPerProviderMax) ?? credentialsProblem(credentials);
}

/** Whether what is sent to the one reaches nobody but who it reaches at the other. */
export function isSameOrigin(a: string, b: string): boolean {
  const [one, other] = [URL.parse(a), URL.parse(b)];
  return one !== null && one.origin === other?.origin;
}

function credentialsProblem(credentials: readonly CredentialReference[]): InvalidInput | undefined {
  const { credentialsPerProviderMax: max, credentialWeightMax: weightMax } = limits;
  if (credentials.length < 1 || credentials.length > max)
    return invalidInput("credentials", `has ${credentials.length} credentials; from 1 to ${max} can be`);
  const taken = new Set<string>();
  for (const [index, { name, weight, models }] of credentials.entries()) {
    const field = `credentials[${index}]`;
    const aboutName = taken.has(name) ? "is there twice" : credentialNameProblem(name);
    if (aboutName !== undefined) return invalidInput(`${field}.name`, aboutName);
    taken.add(name);
    if (!isWhole(weight, weightMax))
      return invalidInput(`${field}.weight`, `is not a whole number from 1 to ${weightMax}`);
    const aboutModels = servedProblem(`${field}.models`, models, limits.modelPatternsPerCredentialMax);
    if (aboutModels) return aboutModels;
  }
  return undefined;
}

export function credentialNameProblem(name: string): string | undefined {
  return isName(name) ? undefined : `is not a name: ${nameRule}`;
}

function servedProblem(field: string, patterns: readonly string[], max: number): InvalidInput | undefined {
  if (patterns.length > max) return invalidInput(field, `has more than ${max} patterns`);
  for (const [index, pattern] of patterns.entries()) {
    const problem = servedModelProblem(pattern);
    if (problem !== undefined) return invalidInput(`${field}[${index}]`, problem);
  }
  return undefined;
}

function isWhole(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}
