// What is wrong with a server as a whole: of an address what only a program has, of a program what only an address has, and of
// either what the kernel's rules say of its parts. Nothing repeats a value.

import { limits } from "@tollgate/kernel/limits";
import {
  commandProblem,
  directoryProblem,
  headerNameProblem,
  headerValueProblem,
  urlProblem,
  variableNameProblem,
  variableValueProblem,
} from "@tollgate/kernel/server-rules";
import { ServerTransport } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { HeaderReference, ServerSettings, VariableReference } from "./server.decider.ts";

export function isProgram({ transport }: Pick<ServerSettings, "transport">): boolean {
  return transport === ServerTransport.STDIO;
}

export function settingsProblem(settings: ServerSettings): InvalidInput | undefined {
  const { timeoutSeconds } = settings;
  const max = limits.serverTimeoutSecondsMax;
  if (!Number.isSafeInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > max)
    return invalidInput("timeoutSeconds", `is not a whole number from 1 to ${max}`);
  return isProgram(settings) ? programProblem(settings) : addressProblem(settings);
}

function addressProblem({
  url,
  headers,
  command,
  environment,
  workingDirectory,
}: ServerSettings): InvalidInput | undefined {
  const foreign = foreignField({ command, environment, workingDirectory });
  if (foreign !== undefined) return invalidInput(foreign, "is for stdio only");
  const aboutUrl = urlProblem(url);
  return aboutUrl === undefined ? headersProblem(headers) : invalidInput("url", aboutUrl);
}

function programProblem(settings: ServerSettings): InvalidInput | undefined {
  const { url, headers, allowPrivateNetwork, command, environment, workingDirectory } = settings;
  const foreign = foreignField({ url, headers, allowPrivateNetwork });
  if (foreign !== undefined) return invalidInput(foreign, "is not for stdio");
  const aboutCommand = commandProblem(command);
  if (aboutCommand !== undefined) return invalidInput("command", aboutCommand);
  const aboutDirectory = workingDirectory === "" ? undefined : directoryProblem(workingDirectory);
  if (aboutDirectory !== undefined) return invalidInput("workingDirectory", aboutDirectory);
  return environmentProblem(environment);
}

/** The first that says something. */
function foreignField(fields: Readonly<Record<string, string | boolean | readonly unknown[]>>): string | undefined {
  return Object.keys(fields).find((name) => {
    const value = fields[name];
    return typeof value === "boolean" ? value : (value?.length ?? 0) > 0;
  });
}

function environmentProblem(environment: readonly VariableReference[]): InvalidInput | undefined {
  const max = limits.variablesPerServerMax;
  if (environment.length > max) return invalidInput("environment", `has more than ${max} variables`);
  const taken = new Set<string>();
  for (const [index, { name, prefix, value }] of environment.entries()) {
    const field = `environment[${index}]`;
    const aboutName = taken.has(name) ? "is there twice" : variableNameProblem(name);
    if (aboutName !== undefined) return invalidInput(`${field}.name`, aboutName);
    taken.add(name);
    const aboutValue = variableValueProblem(prefix + value);
    if (aboutValue !== undefined) return invalidInput(`${field}.value`, aboutValue);
  }
  return undefined;
}

function headersProblem(headers: readonly HeaderReference[]): InvalidInput | undefined {
  if (headers.length > limits.headersPerServerMax)
    return invalidInput("headers", `has more than ${limits.headersPerServerMax} headers`);
  const taken = new Set<string>();
  for (const [index, { name, prefix }] of headers.entries()) {
    const field = `headers[${index}]`;
    const aboutName = headerNameProblem(name);
    if (aboutName !== undefined) return invalidInput(`${field}.name`, aboutName);
    if (taken.has(name.toLowerCase())) return invalidInput(`${field}.name`, "is there twice");
    taken.add(name.toLowerCase());
    // The value stands behind it: a prefix may end with a space.
    const aboutPrefix = headerValueProblem(`${prefix}x`);
    if (aboutPrefix !== undefined) return invalidInput(`${field}.prefix`, aboutPrefix);
  }
  return undefined;
}
