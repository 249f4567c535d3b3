// What may stand in a server's record: its URL and the headers that are sent to it, or the program that it is and what stands in
// its environment. The configuration file and the server's decider ask the same functions, so that what the one takes the
// other takes too. Each answers a predicate ("is not a URL") or nothing; none repeats the text it judges, because a URL, a
// header or an argument may hold somebody's secret.

import { limits } from "./limits.ts";

/** What a server is registered with where nothing else is said. */
export const serverDefaults = { timeoutSeconds: 60, allowPrivateNetwork: false } as const;

// The kernel is compiled without the types of any host; `URL` is in all of them.
declare const URL: {
  new (text: string): { protocol: string; username: string; password: string; hash: string; hostname: string };
  canParse(text: string): boolean;
};

export function urlProblem(text: string): string | undefined {
  if (text.length > limits.urlCharsMax) return `is longer than ${limits.urlCharsMax} characters`;
  if (!/^[\x21-\x7e]+$/.test(text)) return "holds a space or a character outside ASCII";
  if (!/^https?:\/\/[^/]/i.test(text)) return "is not a URL that begins with http:// or https://";
  if (!URL.canParse(text)) return "is not a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "holds a user name or password; send credentials in `headers`";
  return text.includes("#") ? "has a fragment, which is never sent" : undefined;
}

/** Names that the gate writes itself, or that describe one connection and would break the next. */
const ownHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "mcp-protocol-version",
  "mcp-session-id",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function headerNameProblem(name: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)) return "is not the name of an HTTP header";
  return ownHeaders.has(name.toLowerCase()) ? "is a header that the gate sets itself" : undefined;
}

/** Printable ASCII with single spaces and tabs inside: no line break can start a header of its own. */
export function headerValueProblem(value: string): string | undefined {
  if (value.length > limits.headerValueBytesMax) return `is longer than ${limits.headerValueBytesMax} bytes`;
  if (/[\r\n]/.test(value)) return "holds a line break, which no header may";
  if (!/^[\x20-\x7e\t]*$/.test(value)) return "holds a character that no header may";
  return /^[ \t]|[ \t]$/.test(value) ? "begins or ends with a space" : undefined;
}

/** The program and its arguments; no shell reads them, so every character but NUL is one. */
export function commandProblem(command: readonly string[]): string | undefined {
  const [max, charsMax] = [limits.commandArgumentsMax, limits.commandArgumentCharsMax];
  if (command.length === 0 || command[0] === "") return "names no program";
  if (command.length > max) return `has more than ${max} arguments`;
  if (command.some((argument) => argument.length > charsMax))
    return `has an argument longer than ${charsMax} characters`;
  return command.some((argument) => argument.includes("\0")) ? "has an argument with a NUL in it" : undefined;
}

export function variableNameProblem(name: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? undefined : "is not the name of an environment variable";
}

export function variableValueProblem(value: string): string | undefined {
  const max = limits.variableValueCharsMax;
  if (value.length > max) return `is longer than ${max} characters`;
  return value.includes("\0") ? "holds a NUL, which no environment variable may" : undefined;
}

/** Absolute, because nothing that it could be relative to is the same on two proxies. */
export function directoryProblem(path: string): string | undefined {
  const max = limits.workingDirectoryCharsMax;
  if (path.length > max) return `is longer than ${max} characters`;
  return /^(?:\/|[A-Za-z]:[\\/])[^\0]*$/.test(path) ? undefined : "is not an absolute path";
}
