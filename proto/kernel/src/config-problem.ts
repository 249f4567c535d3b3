// What a person has to change before a process can start: both planes tell it in one line, without a stack, and end.

export class ConfigProblem extends Error {}

/** As whoever validates has it. */
export type SettingIssue = {
  readonly path: readonly PropertyKey[];
  readonly code: string;
  readonly message: string;
  readonly expected?: unknown;
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly values?: readonly unknown[];
};

/** In our words where the validator's are for programmers; what was set is not repeated, because it may be a secret. */
export function settingProblem(issue: SettingIssue): string {
  return `${issue.path.map(String).join(".")} ${wordsFor(issue)}`;
}

function wordsFor({ code, message, expected, origin, minimum, maximum, values }: SettingIssue): string {
  // A text has a length, of which its own rule speaks.
  if ((code === "too_small" || code === "too_big") && origin === "string") return message;
  switch (code) {
    case "invalid_type":
      return expected === "number" ? "is not a number" : expected === "int" ? "is not a whole number" : message;
    case "too_small":
      return typeof minimum === "number" ? `is less than ${minimum}` : message;
    case "too_big":
      return typeof maximum === "number" ? `is more than ${maximum}` : message;
    case "invalid_value":
      return values === undefined ? message : `is none of ${values.map(String).join(", ")}`;
    default:
      return message;
  }
}

/** The text of a file that a setting names; whoever calls knows how files are read. */
export function readConfigured(setting: string, path: string, readText: (path: string) => string): string {
  try {
    return readText(path);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigProblem(`${setting}: ${path} cannot be read (${reason})`, { cause });
  }
}
