// Patterns that grant: `server/tool`, where `*` stands for any characters within one segment, and `server/*` for the whole
// server, its tools, prompts and resources; `prompt:server/name` and `resource:server/uri` grant those kinds singly, and in a
// URI `*` stands for `/`, too. Matching is linear in the name (`glob.ts`). Whoever grants a part of a server's URIs does not
// grant what a server may take for another one: a URI with a `..` in its path is only reached by its own name or with the whole.

import { glob } from "./glob.ts";
import { limits } from "./limits.ts";

export type GrantKind = "tool" | "prompt" | "resource";

export type ToolPattern = {
  /** What it grants; of a whole server, all of them. */
  kinds: readonly GrantKind[];
  /** Its first part, maybe with stars. */
  server: string;
  matchesServer: (server: string) => boolean;
  matches: (server: string, name: string) => boolean;
  /** The only name that it matches, `server/name`, where it has no star. */
  exact: string | undefined;
};

const allKinds: readonly GrantKind[] = ["tool", "prompt", "resource"];
const prefixes = [
  ["prompt", "prompt:"],
  ["resource", "resource:"],
] as const;

type Parts = { kind: GrantKind; server: string; name: string };

function partsOf(pattern: string): Parts | undefined {
  const [kind, prefix] = prefixes.find(([, text]) => pattern.startsWith(text)) ?? (["tool", ""] as const);
  const rest = pattern.slice(prefix.length);
  const slash = rest.indexOf("/");
  return slash < 0 ? undefined : { kind, server: rest.slice(0, slash), name: rest.slice(slash + 1) };
}

/** Why a text is no pattern; undefined when it is one. */
export function toolPatternProblem(pattern: string): string | undefined {
  if (pattern.length > limits.toolPatternCharsMax) return `is longer than ${limits.toolPatternCharsMax} characters`;
  const parts = partsOf(pattern);
  if (!parts) return `is not of the form ${formOf(pattern)}`;
  const segments = parts.kind === "resource" ? [parts.server, parts.name] : [parts.server, ...parts.name.split("/")];
  if (segments.some((segment) => segment === "")) return "has an empty segment";
  if (!/^[\x21-\x7e]+$/.test(pattern)) return "holds a space or a character outside ASCII";
  return /^[a-z0-9._*-]+$/i.test(parts.server) ? undefined : "names a server that cannot be";
}

function formOf(pattern: string): string {
  if (pattern.startsWith("prompt:")) return "prompt:server/name";
  return pattern.startsWith("resource:") ? "resource:server/uri" : "server/tool";
}

/** Undefined for a text that is no pattern: it grants nothing. */
export function toolPattern(pattern: string): ToolPattern | undefined {
  const parts = partsOf(pattern);
  if (!parts) return undefined;
  const { kind, server, name } = parts;
  const matchesServer = glob(server);
  if (name === "*") {
    const kinds = kind === "tool" ? allKinds : [kind];
    return { kinds, server, matchesServer, matches: matchesServer, exact: undefined };
  }
  const kinds = [kind];
  if (!server.includes("*") && !name.includes("*")) {
    const exact = `${server}/${name}`;
    return { kinds, server, matchesServer, matches: (of, one) => of === server && one === name, exact };
  }
  const matchesName = kind === "resource" ? uriGlob(name) : segmentsGlob(name);
  return {
    kinds,
    server,
    matchesServer,
    matches: (of, one) => matchesServer(of) && matchesName(one),
    exact: undefined,
  };
}

function segmentsGlob(pattern: string): (name: string) => boolean {
  const globs = pattern.split("/").map(glob);
  return (name) => {
    const segments = name.split("/");
    return globs.length === segments.length && globs.every((matches, index) => matches(segments[index] ?? ""));
  };
}

function uriGlob(pattern: string): (uri: string) => boolean {
  if (!pattern.includes("*")) return (uri) => uri === pattern;
  const matches = glob(pattern);
  return (uri) => matches(uri) && !climbs(uri);
}

/** Whether some segment of it is `..` to whoever reads it, plain or percent-encoded, once or more often. */
function climbs(uri: string): boolean {
  const plain = uri.replace(/%(?:25)*2e/gi, ".").replace(/%(?:25)*(?:2f|5c)/gi, "/");
  return /(?:^|[/\\])\.\.(?:[/\\?#;]|$)/.test(plain);
}
