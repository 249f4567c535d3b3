// One entry of `servers`: an upstream over HTTP with the headers that are sent to it, or a program with what stands in its
// environment. What belongs to the one is refused of the other.

import { isSeq } from "yaml";
import type { Era, ServerCatalogue, ServerIsolation, ServerTransport } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import {
  commandProblem,
  directoryProblem,
  headerNameProblem,
  headerValueProblem,
  serverDefaults,
  urlProblem,
  variableNameProblem,
  variableValueProblem,
} from "../server-rules.ts";
import { credentialOf, type Credential } from "./credential.ts";
import type { Place } from "./issue.ts";
import {
  booleanOf,
  checkedTextOf,
  entriesOf,
  integerOf,
  isText,
  listOf,
  mappingOf,
  newNameOf,
  oneOf,
  scalarTextOf,
  type Entry,
  type Found,
  type Reading,
} from "./reader.ts";

export type ConfiguredHeader = { name: string } & Credential;
/** In clear, or as a credential. */
export type ConfiguredVariable = { name: string } & ({ plain: string } | Credential);

export type ConfiguredServer = {
  name: string;
  transport: keyof typeof transports;
  /** Empty for stdio, as the next three are for the others. */
  url: string;
  command: string[];
  environment: ConfiguredVariable[];
  workingDirectory: string;
  headers: ConfiguredHeader[];
  timeoutSeconds: number;
  allowPrivateNetwork: boolean;
  era: keyof typeof eras;
  isolation: keyof typeof isolations;
  catalogue: keyof typeof catalogues;
  at: Place;
};

export const transports = { http: 0, sse: 2, stdio: 3 } as const satisfies Record<string, ServerTransport>;
export const eras = { auto: 0, legacy: 1, modern: 2 } as const satisfies Record<string, Era>;
export const isolations = { auto: 0, shared: 1, session: 2, principal: 3 } as const satisfies Record<
  string,
  ServerIsolation
>;
export const catalogues = { auto: 0, pinned: 2 } as const satisfies Record<string, ServerCatalogue>;

const fields = {
  name: "required",
  transport: "optional",
  url: "optional",
  command: "optional",
  environment: "optional",
  workingDirectory: "optional",
  headers: "optional",
  timeoutSeconds: "optional",
  allowPrivateNetwork: "optional",
  era: "optional",
  isolation: "optional",
  catalogue: "optional",
} as const;
const laterFields = ["openapi", "tools"] as const;
const ofHttp = ["url", "headers", "allowPrivateNetwork"] as const;
const ofStdio = ["command", "environment", "workingDirectory"] as const;

export function readServer(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredServer | undefined {
  const read = mappingOf(reading, at, fields, { later: laterFields });
  if (!read) return undefined;
  const { issues } = reading;
  const wordOf = <Word extends string>(
    found: Found | undefined,
    words: Readonly<Record<Word, unknown>>,
    usual: Word,
  ) => (found ? oneOf(reading, found, words) : usual);
  const name = read.name && newNameOf(reading, read.name, taken);
  const transport = wordOf(read.transport, transports, read.command && !read.url ? "stdio" : "http");
  const [own, others, needed] =
    transport === "stdio" ? [ofStdio, ofHttp, "command" as const] : [ofHttp, ofStdio, "url" as const];
  if (transport !== undefined) {
    if (!read[needed]) issues.add(at, `lacks the field \`${needed}\``);
    for (const field of others) {
      const foreign = read[field];
      if (foreign) issues.add({ path: foreign.path, at: foreign.keyAt }, `is not for the transport ${transport}`);
    }
  }
  const fieldOf = (field: (typeof ofHttp | typeof ofStdio)[number]): Entry | undefined =>
    own.some((one) => one === field) ? read[field] : undefined;
  const [urlAt, headersAt, privateAt] = ofHttp.map(fieldOf);
  const [commandAt, environmentAt, directoryAt] = ofStdio.map(fieldOf);
  const url = urlAt ? checkedTextOf(reading, urlAt, urlProblem) : "";
  const command = commandAt ? commandOf(reading, commandAt) : [];
  const environment = environmentAt ? environmentOf(reading, environmentAt) : [];
  const workingDirectory = directoryAt ? checkedTextOf(reading, directoryAt, directoryProblem) : "";
  const headers = headersAt ? headersOf(reading, headersAt) : [];
  const timeoutSeconds = read.timeoutSeconds
    ? integerOf(reading, read.timeoutSeconds, { min: 1, max: limits.serverTimeoutSecondsMax })
    : serverDefaults.timeoutSeconds;
  const allowPrivateNetwork = privateAt ? booleanOf(reading, privateAt) : serverDefaults.allowPrivateNetwork;
  const era = wordOf(read.era, eras, "auto");
  const isolation = wordOf(read.isolation, isolations, "auto");
  const catalogue = wordOf(read.catalogue, catalogues, "auto");
  if (!read.name || name === undefined || url === undefined || workingDirectory === undefined) return undefined;
  if (transport === undefined || timeoutSeconds === undefined || allowPrivateNetwork === undefined) return undefined;
  if (era === undefined || isolation === undefined || catalogue === undefined) return undefined;
  return {
    ...{ name, transport, url, command, environment, workingDirectory, headers },
    ...{ timeoutSeconds, allowPrivateNetwork, era, isolation, catalogue, at: read.name.at },
  };
}

function commandOf(reading: Reading, at: Found): string[] {
  const command = listOf(reading, at, scalarTextOf);
  const problem = commandProblem(command);
  if (problem !== undefined && isSeq(at.node)) reading.issues.add(at, problem);
  return command;
}

function environmentOf(reading: Reading, at: Found): ConfiguredVariable[] {
  const entries = entriesOf(reading, at);
  if (!entries) return [];
  const max = limits.variablesPerServerMax;
  if (entries.size > max) reading.issues.add(at, `has more than ${max} variables`);
  return [...entries].flatMap(([name, entry]) => {
    const problem = variableNameProblem(name);
    // Where the name is wrong, it may be a value that slipped: it is not repeated.
    if (problem !== undefined) reading.issues.add({ path: at.path, at: entry.keyAt }, `has a name that ${problem}`);
    return variableOf(reading, problem === undefined ? entry : { ...entry, path: at.path }, name) ?? [];
  });
}

function variableOf(reading: Reading, at: Found, name: string): ConfiguredVariable | undefined {
  const plain = isText(at) ? scalarTextOf(reading, at) : undefined;
  const credential = plain === undefined ? credentialOf(reading, at) : undefined;
  const variable = plain === undefined ? credential && { name, ...credential } : { name, plain };
  if (!variable) return undefined;
  const value = "plain" in variable ? variable.plain : valueOf(variable);
  const problem = variableValueProblem(value);
  if (problem !== undefined) reading.issues.add(at, `has a value that ${problem}`);
  return variable;
}

/** As far as it is known here. */
function valueOf({ prefix, source }: Credential): string {
  return prefix + ("value" in source ? source.value : "");
}

function headersOf(reading: Reading, at: Found): ConfiguredHeader[] {
  const { issues } = reading;
  const entries = entriesOf(reading, at);
  if (!entries) return [];
  if (entries.size > limits.headersPerServerMax) issues.add(at, `has more than ${limits.headersPerServerMax} headers`);
  const lines = new Map<string, number>();
  const headers: ConfiguredHeader[] = [];
  for (const [name, entry] of entries) {
    const problem = headerNameProblem(name);
    const former = lines.get(name.toLowerCase());
    lines.set(name.toLowerCase(), entry.keyAt.line);
    // Where the name is wrong, it may be a value that slipped: it is not repeated.
    if (problem !== undefined) issues.add({ path: at.path, at: entry.keyAt }, `has a name that ${problem}`);
    else if (former !== undefined)
      issues.add({ path: at.path, at: entry.keyAt }, `has the header of line ${former} again`);
    const credential = credentialOf(reading, problem === undefined ? entry : { ...entry, path: at.path });
    if (credential) headers.push(checkedHeader(reading, entry, { name, ...credential }));
  }
  return headers;
}

function checkedHeader(reading: Reading, at: Found, header: ConfiguredHeader): ConfiguredHeader {
  const { prefix, source } = header;
  const problem = "value" in source ? headerValueProblem(prefix + source.value) : headerValueProblem(`${prefix}x`);
  if (problem !== undefined) reading.issues.add(at, `has a value that ${problem}`);
  return header;
}
