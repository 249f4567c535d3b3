// Reads the files that the stack is started with before anything is started, so that a mistake in one is told at once: a
// `tollgate.yaml` with line and column, a server list with the server's name. It also finds which environment variables a
// file refers to: those, and no others of this environment, are given to the control plane, which reads the file again.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseConfiguration } from "@tollgate/kernel/configuration/configuration";
import { readMcpJson } from "@tollgate/kernel/configuration/mcp-json";
import { Problem } from "./problem.ts";

export interface ConfigurationFile {
  readonly path: string;
  /** What it refers to, with the values. */
  readonly variables: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function readConfigurationFile(name: string, environment: Environment): ConfigurationFile {
  const { path, text } = readNamed("TOLLGATE_CONFIG", name);
  const { variables, look } = watched(environment);
  const parsed = parseConfiguration(text, { fileName: name, resolve: ({ env }) => look(env) });
  if (parsed.outcome === "invalid") throw new Problem(parsed.report, 2);
  return { path, variables };
}

export function readServerList(name: string, environment: Environment): ConfigurationFile {
  const { path, text } = readNamed("TOLLGATE_MCP_FILE", name);
  const { variables, look } = watched(environment);
  const read = readMcpJson(text, look);
  if (read.outcome === "invalid")
    throw new Problem(read.problems.map(({ message }) => `${name}: ${message}`).join("\n"), 2);
  return { path, variables };
}

function readNamed(setting: string, name: string): { path: string; text: string } {
  const path = resolve(name);
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(`${setting}: the file ${path} cannot be read (${reason}).`, 2, { cause });
  }
}

/** Remembers what was looked up and is there. */
function watched(environment: Environment) {
  const variables: Record<string, string> = {};
  const look = (name: string): string | undefined => {
    const value = environment[name];
    if (value !== undefined) variables[name] = value;
    return value;
  };
  return { variables, look };
}
