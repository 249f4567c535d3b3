// What may stand in a server's record: its URL and the headers that are sent to it. The configuration file and the
// server's decider ask the same functions, so that what the one takes the other takes too. Each answers a predicate
// ("is not a URL") or nothing; none repeats the text it judges, because a URL or a header may hold somebody's secret.

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
