// A server between the API and the schema: its words in both directions, and what somebody wants its headers and environment to
// be. A value comes in and never goes out again.

import {
  Era,
  ServerCatalogue as CatalogueValue,
  ServerIsolation as IsolationValue,
  ServerTransport as TransportValue,
  type Server as ServerResource,
} from "@tollgate/schema/resources";
import type {
  RegisterServerInput,
  Server,
  ServerCatalogue,
  ServerEra,
  ServerHeaderInput,
  ServerIsolation,
  ServerTransport,
  ServerVariableInput,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";
import type { ServerSettings } from "./server.decider.ts";
import type { WantedCredentials, WantedHeader, WantedVariable } from "./server-secrets.ts";

const transports = {
  STREAMABLE_HTTP: TransportValue.UNSPECIFIED,
  SSE: TransportValue.SSE,
  STDIO: TransportValue.STDIO,
} as const satisfies Record<ServerTransport, TransportValue>;
const eras = { AUTO: Era.UNSPECIFIED, LEGACY: Era.LEGACY, MODERN: Era.MODERN } as const satisfies Record<
  ServerEra,
  Era
>;
const isolations = {
  AUTO: IsolationValue.UNSPECIFIED,
  SHARED: IsolationValue.SHARED,
  SESSION: IsolationValue.SESSION,
  PRINCIPAL: IsolationValue.PRINCIPAL,
} as const satisfies Record<ServerIsolation, IsolationValue>;
const catalogues = {
  AUTO: CatalogueValue.UNSPECIFIED,
  PINNED: CatalogueValue.PINNED,
} as const satisfies Record<ServerCatalogue, CatalogueValue>;

export function serverToApi(server: ServerResource): Resolved<Server> {
  const { id, name, url, timeoutSeconds, allowPrivateNetwork, command, workingDirectory } = server;
  return {
    ...{ id, name, url, timeoutSeconds, allowPrivateNetwork, command, workingDirectory },
    headers: server.headers.map(({ name, prefix, secretId }) => ({ name, prefix, secretId })),
    environment: server.environment.map(({ name, prefix, secretId, value }) =>
      secretId === "" ? { name, prefix, plain: value, secretId: null } : { name, prefix, plain: null, secretId },
    ),
    transport: nameIn(transports, server.transport) ?? "STREAMABLE_HTTP",
    era: nameIn(eras, server.era) ?? "AUTO",
    isolation: nameIn(isolations, server.isolation) ?? "AUTO",
    catalogue: nameIn(catalogues, server.catalogue) ?? "AUTO",
  };
}

const noProgram = { command: [], environment: [], workingDirectory: "" } as const;
const noAddress = { url: "", headers: [], allowPrivateNetwork: false } as const;

/** What the input says. Where it names a transport, what only the other kind has is taken away before. */
export function settingsFromApi(input: Partial<Omit<RegisterServerInput, "name">>): Partial<ServerSettings> {
  const { url, timeoutSeconds, allowPrivateNetwork, command, workingDirectory, ...words } = input;
  const other = words.transport === "STDIO" ? noAddress : noProgram;
  return {
    ...(words.transport ? { ...other, transport: transports[words.transport] } : {}),
    ...(typeof url === "string" ? { url } : {}),
    ...(typeof timeoutSeconds === "number" ? { timeoutSeconds } : {}),
    ...(typeof allowPrivateNetwork === "boolean" ? { allowPrivateNetwork } : {}),
    ...(command ? { command } : {}),
    ...(typeof workingDirectory === "string" ? { workingDirectory } : {}),
    ...(words.era ? { era: eras[words.era] } : {}),
    ...(words.isolation ? { isolation: isolations[words.isolation] } : {}),
    ...(words.catalogue ? { catalogue: catalogues[words.catalogue] } : {}),
  };
}

export type WantedFromApi =
  { outcome: "wanted"; wanted: WantedCredentials } | { outcome: "refused"; refusal: InvalidInput };

/** A list that is not given stays, but for one that the transport does not have. */
export function credentialsFromApi(
  input: Pick<RegisterServerInput, "transport" | "headers" | "environment">,
): WantedFromApi {
  const { transport } = input;
  const given = {
    headers: input.headers ?? (transport === "STDIO" ? [] : undefined),
    environment: input.environment ?? (transport && transport !== "STDIO" ? [] : undefined),
  };
  const headers = given.headers && listFromApi("headers", given.headers, headerFromApi);
  if (headers && "refusal" in headers) return headers;
  const environment = given.environment && listFromApi("environment", given.environment, variableFromApi);
  if (environment && "refusal" in environment) return environment;
  return { outcome: "wanted", wanted: { headers, environment } };
}

function listFromApi<Input, Wanted>(
  field: string,
  inputs: readonly Input[],
  fromApi: (input: Input) => Wanted | string,
): Wanted[] | { outcome: "refused"; refusal: InvalidInput } {
  const wanted: Wanted[] = [];
  for (const [index, input] of inputs.entries()) {
    const one = fromApi(input);
    if (typeof one === "string") return { outcome: "refused", refusal: invalidInput(`${field}[${index}]`, one) };
    wanted.push(one);
  }
  return wanted;
}

function headerFromApi({ name, prefix, secretName, value }: ServerHeaderInput): WantedHeader | string {
  const [has, other] = [typeof value === "string", typeof secretName === "string"];
  if (has === other) return "must have exactly one of `secretName` and `value`";
  const source = typeof value === "string" ? { value } : { secretName: secretName ?? "" };
  return { name, prefix: prefix ?? "", source };
}

function variableFromApi({ plain, ...input }: ServerVariableInput): WantedVariable | string {
  const sources = [plain, input.secretName, input.value].filter((source) => typeof source === "string");
  if (sources.length !== 1) return "must have exactly one of `plain`, `secretName` and `value`";
  if (typeof plain !== "string") return headerFromApi(input);
  return input.prefix ? "has a prefix, which only a secret has" : { name: input.name, plain };
}
