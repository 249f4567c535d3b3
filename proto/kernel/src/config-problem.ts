// What a person has to change before a process can start: both planes tell it in one line, without a stack, and end.

export class ConfigProblem extends Error {}

/** The text of a file that a setting names; whoever calls knows how files are read. */
export function readConfigured(setting: string, path: string, readText: (path: string) => string): string {
  try {
    return readText(path);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigProblem(`${setting}: ${path} cannot be read (${reason})`, { cause });
  }
}
