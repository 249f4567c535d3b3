// What the launcher says when everything is ready: `ready.json` for programs, and for people what they need next and
// nothing else. No secret is printed; the lines name the files that hold them, and the command for Claude Code reads the
// key's file when it is run, so that the key gets into no terminal and no history.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileProblem } from "./problem.ts";

export interface Ready {
  readonly proxy: string;
  readonly control: string;
  readonly proxyAdmin: string;
  readonly controlAdmin: string;
  readonly adminTokenFile: string;
}

export function writeReady(dataDir: string, ready: Ready): void {
  const path = join(dataDir, "ready.json");
  try {
    // Whoever waits for the file must never read half of it.
    writeFileSync(`${path}.new`, `${JSON.stringify(ready, undefined, 2)}\n`);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw fileProblem(`${path} cannot be written`, cause);
  }
}

export function removeReady(dataDir: string): void {
  rmSync(join(dataDir, "ready.json"), { force: true });
}

/** Of models: the kinds of providers that there are, and what a demonstration has to say. */
export interface ModelsNews {
  readonly kinds: ReadonlySet<string>;
  readonly demo: readonly string[] | undefined;
}

export function announcement(dataDir: string, ready: Ready, { kinds, demo }: ModelsNews): string {
  const keysDir = join(dataDir, "keys");
  const names = existsSync(keysDir) ? readdirSync(keysDir).sort() : [];
  const firstKey = names.includes("first") ? "first" : names[0];
  const key = `$(cat ${quoted(join(keysDir, firstKey ?? "NAME"))})`;
  const doors = modelDoors.filter(({ kind }) => kinds.has(kind));
  const rows = [
    ["MCP gate", `${ready.proxy}/mcp`],
    ...doors.map(({ path, what }) => [what, `${ready.proxy}${path}`]),
    ["Admin API", `${ready.control}/graphql`],
    ["Admin token in", ready.adminTokenFile],
    firstKey === "first" ? ["First key in", join(keysDir, "first")] : ["Keys in", keysDir],
  ];
  return [
    "Tollgate is ready.",
    "",
    ...rows.map(([what = "", where = ""]) => `  ${what.padEnd(labelChars)}${where}`),
    "",
    "Connect Claude Code:",
    "",
    `  claude mcp add --transport http tollgate ${ready.proxy}/mcp --header "Authorization: Bearer ${key}"`,
    "",
    ...doors.flatMap(({ path, clients, variables: [url, credential] }) => [
      `Let ${clients} ask models through the gate, too:`,
      "",
      `  export ${url}=${ready.proxy}${path}`,
      `  export ${credential}=${key}`,
      "",
    ]),
    ...(demo === undefined ? [] : [...demo, ""]),
    "Ctrl-C stops it; the data stays.",
    "",
  ].join("\n");
}

const labelChars = 20;

const modelDoors = [
  {
    ...{ kind: "anthropic", path: "/anthropic", what: "Anthropic's models", clients: "Claude Code" },
    variables: ["ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"],
  },
  {
    ...{ kind: "openai", path: "/openai/v1", what: "OpenAI's models", clients: "OpenAI's SDKs" },
    variables: ["OPENAI_BASE_URL", "OPENAI_API_KEY"],
  },
] as const;

/** Inside `$( )` inside double quotes, where single quotes are quotes again. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
