// The example MCP server as a process, for tests that need a real upstream.

import { fileURLToPath } from "node:url";
import { startProcess } from "./processes.ts";

const entry = fileURLToPath(new URL("../../infra/example-mcp/server.mjs", import.meta.url));

export async function startExampleMcp(
  env: Readonly<Record<string, string>> = {},
): Promise<{ url: string } & AsyncDisposable> {
  const running = await startProcess({ name: "example MCP server", args: [entry], env: { PORT: "0", ...env } });
  const match = await running.waitForLine(/"url":"(http[^"]+)"/);
  return { url: match[1] ?? "", [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
