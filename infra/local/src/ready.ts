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

export function announcement(dataDir: string, ready: Ready): string {
  const keysDir = join(dataDir, "keys");
  const names = existsSync(keysDir) ? readdirSync(keysDir).sort() : [];
  const firstKey = names.includes("first") ? "first" : names[0];
  const keyFile = join(keysDir, firstKey ?? "NAME");
  const rows = [
    ["MCP gate", `${ready.proxy}/mcp`],
    ["Admin API", `${ready.control}/graphql`],
    ["Admin token in", ready.adminTokenFile],
    [firstKey === "first" ? "First key in" : "Keys in", firstKey === "first" ? keyFile : keysDir],
  ];
  const connect = `claude mcp add --transport http tollgate ${ready.proxy}/mcp --header "Authorization: Bearer $(cat ${quoted(keyFile)})"`;
  return [
    "Tollgate is ready.",
    "",
    ...rows.map(([what = "", where = ""]) => `  ${what.padEnd(16)}${where}`),
    "",
    "Connect Claude Code:",
    "",
    `  ${connect}`,
    "",
    "Ctrl-C stops it; the data stays.",
    "",
  ].join("\n");
}

/** Inside `$( )` inside double quotes, where single quotes are quotes again. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
