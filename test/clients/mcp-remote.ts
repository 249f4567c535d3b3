// Reaches an MCP server as clients do that know only stdio: through mcp-remote, a process that speaks stdio to its client and
// HTTP to the server. The client before it is the official SDK's of the legacy era. It ends with the scope, and what
// mcp-remote would keep in a home goes with its temporary folder.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { testEnvironment } from "../support/environment.ts";
import { programOf } from "./install.ts";

export interface McpRemoteRun {
  /** The MCP server's. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface McpRemote extends AsyncDisposable {
  readonly client: Client;
  /** What mcp-remote logged. */
  log(): string;
}

const logCharsMax = 100_000;

export async function connectThroughMcpRemote({ url, headers = {} }: McpRemoteRun): Promise<McpRemote> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-mcp-remote-"));
  const program = await programOf("mcp-remote");
  const given = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}:${value}`]);
  const transport = new StdioClientTransport({
    command: program.command,
    args: [...program.args, url, "--transport", "http-only", ...given],
    env: { HOME: folder, PATH: testEnvironment().path, MCP_REMOTE_CONFIG_DIR: join(folder, "config") },
    cwd: folder,
    stderr: "pipe",
  });
  let log = "";
  transport.stderr?.on("data", (chunk) => (log = (log + String(chunk)).slice(-logCharsMax)));
  const client = new Client({ name: "stdio-client", version: "1.0.0" });
  const end = async (): Promise<void> => {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await client.connect(transport);
  } catch (cause) {
    await end();
    throw new Error(`no connection through mcp-remote; it said:\n${log}`, { cause });
  }
  return { client, log: () => log, [Symbol.asyncDispose]: end };
}
