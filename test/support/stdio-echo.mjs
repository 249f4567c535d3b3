// An MCP server of the legacy era over standard streams, without a dependency, for tests of what starts programs. Its tools:
// `environment` says what it sees, `pid` who it is, `exit` ends it without an answer.

import { createInterface } from "node:readline";

const tools = ["environment", "pid", "exit"].map((name) => ({ name, inputSchema: { type: "object" } }));
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "stdio-echo", version: "1" },
  }),
  "tools/list": () => ({ tools }),
  "tools/call": ({ name }) => {
    if (name === "exit") process.exit(3);
    const text =
      name === "pid"
        ? `pid ${process.pid}`
        : Object.entries(process.env)
            .map(([key, value]) => `${key}=${value}`)
            .join("\n");
    return { content: [{ type: "text", text }] };
  },
};

createInterface(process.stdin).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const answer = answers[method];
  const outcome = answer ? { result: answer(params ?? {}) } : { error: { code: -32601, message: "Method not found" } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...outcome })}\n`);
});
