// A raw client of a server on stdio: starts it, writes lines and takes lines as they are. Requests of the server are refused
// and its notifications kept; it declares nothing and understands nothing of MCP but that. The server ends with the scope.
import { startProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import type { RawClient } from "./raw-client.ts";
import { rawMessage, type RawMessage } from "./raw-message.ts";

export interface StdioServer {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const answerMsMax = 60_000;

export async function connectByStdio(server: StdioServer): Promise<RawClient> {
  const answers = new Map<unknown, RawMessage>();
  const notifications: RawMessage[] = [];
  let rest = "";
  let broken: Error | undefined;
  const running = await startProcess({
    ...server,
    hasInput: true,
    onOutput: (text, output) => {
      if (output === "stderr") return;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) receive(line);
    },
  });

  function receive(line: string): void {
    if (line.trim() === "") return;
    try {
      const message = rawMessage(line);
      const { id, method } = message.envelope;
      if (method === undefined) answers.set(id, message);
      else if (id === undefined) notifications.push(message);
      else send({ jsonrpc: "2.0", id, error: { code: -32601, message: "this client offers nothing" } });
    } catch (error) {
      // Whoever waits for an answer hears of it: a server that prints something else on stdout is no MCP server.
      broken = new Error(`${server.name} printed no JSON-RPC: ${line.slice(0, 200)}`, { cause: error });
    }
  }

  const send = (message: unknown): void => running.write(`${JSON.stringify(message)}\n`);

  return {
    notifications,
    notify: (method) => Promise.resolve(send({ jsonrpc: "2.0", method })),
    async request(id, method, params) {
      send({ jsonrpc: "2.0", id, method, params });
      const what = `the answer of ${server.name} to ${method}`;
      const came = () => broken ?? answers.get(id);
      const answer = await until(came, { what, timeoutMs: answerMsMax, intervalMs: 5 }).catch((cause: unknown) => {
        throw new Error(`no answer to ${method}; ${server.name} said:\n${running.log()}`, { cause });
      });
      if (answer instanceof Error) throw answer;
      return answer;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
