// The server list of Claude Code (`.mcp.json`) and Claude Desktop as text to servers, or to everything that is wrong with it:
// one bad entry refuses the whole list. Pure: `${VAR}` and `${VAR:-default}` are filled in by whoever reads the file, and where
// nobody does, an entry that has one is refused. What may be a credential comes out as a value to be kept secret; where
// there is no place for a secret, in an argument or a URL, it is a problem. No message repeats a value.

import * as z from "zod";
import { isName } from "../ids.ts";
import { limits } from "../limits.ts";
import {
  commandProblem,
  headerNameProblem,
  headerValueProblem,
  serverDefaults,
  urlProblem,
  variableNameProblem,
  variableValueProblem,
} from "../server-rules.ts";
import { credentialAmong, isCredentialInUrl, isHarmless } from "./credential-like.ts";
import type { ConfiguredServer, ConfiguredVariable } from "./server.ts";

/** `from` is its name in the list, which may be none of ours. */
export type ImportedServer = Omit<ConfiguredServer, "at"> & { from: string };

/** `server` is the name in the list; undefined of what is wrong with the list itself. */
export type ImportProblem = { server: string | undefined; message: string };

export type ReadMcpJson =
  { outcome: "servers"; servers: ImportedServer[] } | { outcome: "invalid"; problems: ImportProblem[] };

export type Lookup = (variable: string) => string | undefined;

const list = z.object({ mcpServers: z.record(z.string(), z.unknown()) });
const entry = z.object({
  type: z.enum(["stdio", "http", "streamable-http", "sse"]).optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  url: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
type Entry = z.infer<typeof entry>;

/** What clients write into lists and the gate says itself. */
const leftOut: ReadonlySet<string> = new Set(["accept", "content-type", "user-agent"]);

/** The whole host: `10.example.com` is a name, which may lead anywhere. */
const privateAddress =
  /^https?:\/\/(?:localhost|(?:127\.\d+|10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+|\[::1\])(?=[:/?#]|$)/i;

class Wrong extends Error {}

export function readMcpJson(text: string, lookup: Lookup | undefined): ReadMcpJson {
  const invalid = (message: string): ReadMcpJson => ({
    outcome: "invalid",
    problems: [{ server: undefined, message }],
  });
  if (text.length > limits.configurationBytesMax) return invalid("The list is too large.");
  let parsed;
  try {
    parsed = list.safeParse(JSON.parse(text));
  } catch {
    return invalid("The list is not JSON.");
  }
  if (!parsed.success) return invalid("The list has no object `mcpServers` whose members are servers.");
  const servers: ImportedServer[] = [];
  const problems: ImportProblem[] = [];
  for (const [from, value] of Object.entries(parsed.data.mcpServers)) {
    try {
      const server = serverIn(from, value, lookup);
      const other = servers.find(({ name }) => name === server.name);
      if (other)
        throw new Wrong(
          `has the name \`${server.name}\` here, as ${shown(other.from).replace(/^./, (first) => first.toLowerCase())} has`,
        );
      servers.push(server);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      if (problems.length < limits.configurationIssuesMax)
        problems.push({ server: from.slice(0, limits.nameCharsMax), message: `${shown(from)} ${error.message}.` });
    }
  }
  return problems.length > 0 ? { outcome: "invalid", problems } : { outcome: "servers", servers };
}

function serverIn(from: string, value: unknown, lookup: Lookup | undefined): ImportedServer {
  const name = nameFrom(from);
  const parsed = entry.safeParse(filledIn(value, lookup));
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path[0];
    throw new Wrong(
      field === undefined ? "is not an object" : `has a field \`${String(field)}\` that is not as it must be`,
    );
  }
  const given = parsed.data;
  const { type = given.command === undefined ? "http" : "stdio" } = given;
  const usual = {
    timeoutSeconds: serverDefaults.timeoutSeconds,
    era: "auto",
    isolation: "auto",
    catalogue: "auto",
  } as const;
  const server = type === "stdio" ? programIn(given) : addressIn(given, type);
  return { name, from, ...usual, ...server };
}

function programIn({ command, args = [], env = {}, url }: Entry) {
  if (command === undefined) throw new Wrong("lacks `command`");
  if (url !== undefined) throw new Wrong("has `command` and `url`, which are two servers");
  const argv = [command, ...args];
  must("a command", commandProblem(argv));
  const secretAt = credentialAmong(argv);
  if (secretAt !== undefined)
    throw new Wrong(
      `has what looks like a credential in \`${secretAt === 0 ? "command" : `args[${secretAt - 1}]`}\`, which everybody sees who sees the server; give it in \`env\``,
    );
  const environment = Object.entries(env).map(([name, value]): ConfiguredVariable => {
    must("a name in `env`", variableNameProblem(name));
    const text = String(value);
    must(`a value \`env.${name}\``, variableValueProblem(text));
    return isHarmless(name, text) ? { name, plain: text } : { name, prefix: "", source: { value: text } };
  });
  if (environment.length > limits.variablesPerServerMax) throw new Wrong("has too many variables");
  const noAddress = { url: "", headers: [], allowPrivateNetwork: false, workingDirectory: "" };
  return { transport: "stdio" as const, command: argv, environment, ...noAddress };
}

function addressIn({ url, headers = {}, command }: Entry, type: "http" | "streamable-http" | "sse") {
  if (url === undefined) throw new Wrong("lacks `url`");
  if (command !== undefined) throw new Wrong("has `command` and `url`, which are two servers");
  must("a `url`", urlProblem(url));
  if (isCredentialInUrl(url))
    throw new Wrong(
      "has what looks like a credential in `url`, which everybody sees who sees the server; send it in `headers`",
    );
  const sent = Object.entries(headers).filter(([name]) => !leftOut.has(name.toLowerCase()));
  if (sent.length > limits.headersPerServerMax) throw new Wrong("has too many headers");
  const wanted = sent.map(([name, text]) => {
    must("a name in `headers`", headerNameProblem(name));
    must(`a value \`headers.${name}\``, text === "" ? "is empty" : headerValueProblem(text));
    const [prefix = ""] = /^(?:Bearer|Basic|Token) (?=\S)/i.exec(text) ?? [];
    return { name, prefix, source: { value: text.slice(prefix.length) } };
  });
  if (new Set(wanted.map(({ name }) => name.toLowerCase())).size < wanted.length) throw new Wrong("has a header twice");
  const noProgram = { command: [], environment: [], workingDirectory: "" };
  // The list names the address itself: whoever imports it means it.
  const allowPrivateNetwork = privateAddress.test(url);
  return {
    transport: type === "sse" ? ("sse" as const) : ("http" as const),
    url,
    headers: wanted,
    allowPrivateNetwork,
    ...noProgram,
  };
}

function must(what: string, problem: string | undefined): void {
  if (problem !== undefined) throw new Wrong(`has ${what} that ${problem}`);
}

function nameFrom(from: string): string {
  const name = from
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .slice(0, limits.nameCharsMax)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  if (!isName(name)) throw new Wrong("has a name of which nothing can be made that is a name here");
  return name;
}

function shown(from: string): string {
  return /^[\w .@/-]{1,63}$/.test(from) ? `The server \`${from}\`` : "A server";
}

/** Every text of an entry, but for the names of members. */
function filledIn(value: unknown, lookup: Lookup | undefined): unknown {
  if (typeof value === "string") return filled(value, lookup);
  if (Array.isArray(value)) return value.map((item: unknown) => filledIn(item, lookup));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filledIn(member, lookup)]));
}

function filled(text: string, lookup: Lookup | undefined): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, reference: string) => {
    const [, name = "", fallback] = /^([A-Za-z_]\w{0,127})(?::-(.*))?$/s.exec(reference) ?? [];
    if (name === "") throw new Wrong("has `${…}` around what is not the name of an environment variable");
    const asked = /^[A-Z][A-Z0-9_]*$/.test(name) ? `, ${name},` : "";
    if (!lookup) throw new Wrong(`refers to an environment variable${asked} which nobody fills in here`);
    const value = lookup(name);
    // As a shell has it: an empty one counts as unset where there is a default.
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) throw new Wrong(`refers to an environment variable${asked} that is not set`);
    return value;
  });
}
