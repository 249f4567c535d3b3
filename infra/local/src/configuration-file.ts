// Reads the file that TOLLGATE_CONFIG names before anything is started, so that a mistake in it is told at once with line
// and column. It also finds which environment variables the file refers to: those, and no others of this environment, are
// given to the control plane, which reads the file again and applies it.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseConfiguration } from "@tollgate/kernel/configuration/configuration";
import { Problem } from "./problem.ts";

export interface ConfigurationFile {
  readonly path: string;
  /** What its `{ env: NAME }` refer to, with the values. */
  readonly variables: Readonly<Record<string, string>>;
}

export function readConfigurationFile(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigurationFile {
  const path = resolve(name);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(`TOLLGATE_CONFIG: the file ${path} cannot be read (${reason}).`, 2, { cause });
  }
  const variables: Record<string, string> = {};
  const parsed = parseConfiguration(text, {
    fileName: name,
    resolve({ env }) {
      const value = environment[env];
      if (value !== undefined) variables[env] = value;
      return value;
    },
  });
  if (parsed.outcome === "invalid") throw new Problem(parsed.report, 2);
  return { path, variables };
}
