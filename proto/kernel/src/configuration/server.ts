// One entry of `servers`: an upstream over HTTP and the headers that are sent to it.

import { limits } from "../limits.ts";
import { headerNameProblem, headerValueProblem, serverDefaults, urlProblem } from "../server-rules.ts";
import { credentialOf, type Credential } from "./credential.ts";
import type { Place } from "./issue.ts";
import {
  booleanOf,
  entriesOf,
  integerOf,
  mappingOf,
  newNameOf,
  notYet,
  textOf,
  type Found,
  type Reading,
} from "./reader.ts";

export type ConfiguredHeader = { name: string } & Credential;

export type ConfiguredServer = {
  name: string;
  url: string;
  headers: ConfiguredHeader[];
  timeoutSeconds: number;
  allowPrivateNetwork: boolean;
  at: Place;
};

const fields = {
  name: "required",
  transport: "optional",
  url: "optional",
  headers: "optional",
  timeoutSeconds: "optional",
  allowPrivateNetwork: "optional",
} as const;
const laterFields = ["command", "args", "env", "era", "isolation", "catalogue", "openapi", "tools"] as const;

export function readServer(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredServer | undefined {
  const read = mappingOf(reading, at, fields, { later: laterFields });
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const transport = read.transport ? transportOf(reading, read.transport) : "http";
  const url = read.url && urlOf(reading, read.url);
  if (!read.url && transport === "http") reading.issues.add(at, "lacks the field `url`");
  const headers = read.headers ? headersOf(reading, read.headers) : [];
  const timeoutSeconds = read.timeoutSeconds
    ? integerOf(reading, read.timeoutSeconds, { min: 1, max: limits.serverTimeoutSecondsMax })
    : serverDefaults.timeoutSeconds;
  const allowPrivateNetwork = read.allowPrivateNetwork
    ? booleanOf(reading, read.allowPrivateNetwork)
    : serverDefaults.allowPrivateNetwork;
  if (!read.name || name === undefined || url === undefined || timeoutSeconds === undefined) return undefined;
  if (allowPrivateNetwork === undefined) return undefined;
  return { name, url, headers, timeoutSeconds, allowPrivateNetwork, at: read.name.at };
}

function transportOf(reading: Reading, at: Found): "http" | undefined {
  const transport = textOf(reading, at);
  if (transport === undefined || transport === "http") return transport;
  if (transport === "stdio" || transport === "sse") reading.issues.add(at, `is ${transport}, which ${notYet}`);
  else reading.issues.add(at, "is not a transport; the one that this version serves is http");
  return undefined;
}

function urlOf(reading: Reading, at: Found): string | undefined {
  const url = textOf(reading, at);
  const problem = url === undefined ? undefined : urlProblem(url);
  if (problem === undefined) return url;
  reading.issues.add(at, problem);
  return undefined;
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
