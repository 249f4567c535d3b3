// One entry of `providers`: who serves models, in whose protocol and where, and the credentials that the gate has there. No
// message holds a credential, or anything that stands where one should.

import { isSeq } from "yaml";
import type { ProviderKind } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { servedModelProblem } from "../model-pattern.ts";
import { baseUrlProblem, providerDefaults, usualBaseUrls } from "../provider-rules.ts";
import { headerValueProblem } from "../server-rules.ts";
import { credentialOf, laterSources, sourceFields, sourceIn, type Source } from "./credential.ts";
import type { Place } from "./issue.ts";
import {
  booleanOf,
  checkedTextOf,
  checkedTextsOf,
  integerOf,
  listOf,
  mappingOf,
  newNameOf,
  oneOf,
  type Found,
  type Reading,
} from "./reader.ts";

export type ConfiguredProviderCredential = {
  name: string;
  source: Source;
  weight: number;
  /** None: it is for all. */
  models: string[];
};

export type ConfiguredProvider = {
  name: string;
  kind: keyof typeof providerKinds;
  baseUrl: string;
  credentials: ConfiguredProviderCredential[];
  /** None: all. */
  models: string[];
  timeoutSeconds: number;
  allowPrivateNetwork: boolean;
  passthrough: boolean;
  at: Place;
};

export const providerKinds = { anthropic: 1, openai: 2 } as const satisfies Record<string, ProviderKind>;

/** What a provider's only credential is called where it is given as `credential`. */
export const onlyCredentialName = "default";

const fields = {
  name: "required",
  kind: "required",
  baseUrl: "optional",
  credential: "optional",
  credentials: "optional",
  models: "optional",
  timeoutSeconds: "optional",
  allowPrivateNetwork: "optional",
  passthrough: "optional",
} as const;

export function readProvider(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredProvider | undefined {
  const read = mappingOf(reading, at, fields);
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const kind = read.kind && oneOf(reading, read.kind, providerKinds);
  const baseUrl = read.baseUrl
    ? checkedTextOf(reading, read.baseUrl, baseUrlProblem)
    : kind && usualBaseUrls[providerKinds[kind]];
  const credentials = credentialsOf(reading, at, read);
  const models = servedModels(reading, read.models, limits.modelPatternsPerProviderMax);
  const timeoutSeconds = read.timeoutSeconds
    ? integerOf(reading, read.timeoutSeconds, { min: 1, max: limits.providerTimeoutSecondsMax })
    : providerDefaults.timeoutSeconds;
  const claimOf = (found: Found | undefined, usual: boolean) => (found ? booleanOf(reading, found) : usual);
  const allowPrivateNetwork = claimOf(read.allowPrivateNetwork, providerDefaults.allowPrivateNetwork);
  const passthrough = claimOf(read.passthrough, providerDefaults.passthrough);
  if (!read.name || name === undefined || kind === undefined || baseUrl === undefined) return undefined;
  if (timeoutSeconds === undefined || allowPrivateNetwork === undefined || passthrough === undefined) return undefined;
  return {
    ...{ name, kind, baseUrl, credentials, models },
    ...{ timeoutSeconds, allowPrivateNetwork, passthrough, at: read.name.at },
  };
}

function servedModels(reading: Reading, at: Found | undefined, max: number): string[] {
  return checkedTextsOf(reading, at, { problemOf: servedModelProblem, max, what: "patterns" });
}

function credentialsOf(
  reading: Reading,
  at: Found,
  { credential, credentials }: { credential?: Found; credentials?: Found },
): ConfiguredProviderCredential[] {
  if ((credential === undefined) === (credentials === undefined))
    reading.issues.add(at, "must have exactly one of `credential` and `credentials`");
  if (credential) return onlyCredential(reading, credential);
  if (!credentials) return [];
  const taken = new Map<string, Place>();
  const read = listOf(reading, credentials, (_, item) => readCredential(reading, item, taken));
  const max = limits.credentialsPerProviderMax;
  if (read.length > max) reading.issues.add(credentials, `has more than ${max} credentials`);
  if (isSeq(credentials.node) && credentials.node.items.length === 0)
    reading.issues.add(credentials, "names no credential");
  return read;
}

function onlyCredential(reading: Reading, at: Found): ConfiguredProviderCredential[] {
  const read = credentialOf(reading, at);
  if (!read) return [];
  if (read.prefix !== "") reading.issues.add(at, "takes no prefix; the provider's protocol says where it stands");
  checkValue(reading, at, read.source);
  return [{ name: onlyCredentialName, source: read.source, weight: 1, models: [] }];
}

const credentialFields = { name: "required", ...sourceFields, weight: "optional", models: "optional" } as const;

function readCredential(
  reading: Reading,
  at: Found,
  taken: Map<string, Place>,
): ConfiguredProviderCredential | undefined {
  const read = mappingOf(reading, at, credentialFields, { later: laterSources, isSecret: true });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const source = sourceIn(reading, at, read);
  const weight = read.weight ? integerOf(reading, read.weight, { min: 1, max: limits.credentialWeightMax }) : 1;
  const models = servedModels(reading, read.models, limits.modelPatternsPerCredentialMax);
  if (source) checkValue(reading, at, source);
  return name === undefined || source === undefined || weight === undefined
    ? undefined
    : { name, source, weight, models };
}

/** It is sent in a header. */
function checkValue(reading: Reading, at: Found, source: Source): void {
  const problem = "value" in source ? headerValueProblem(source.value) : undefined;
  if (problem !== undefined) reading.issues.add(at, `has a value that ${problem}`);
}
