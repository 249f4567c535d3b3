// A raw client of 2025-11-25: a handshake, a session, and questions of the server's on the stream of the request that they
// belong to, each answered with a message of its own. It opens no stream beside, as nothing that it plays needs one.

import { messageFrom, resultOf, type Connecting, type EndClient, type Message } from "./end-client.ts";
import { messagesOf } from "./event-stream.ts";

const version = "2025-11-25";

export async function connectLegacy({ url, headers, capabilities, answer }: Connecting): Promise<EndClient> {
  let ids = 0;
  const own: Record<string, string> = {
    ...headers,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };

  const post = (message: object): Promise<Response> =>
    fetch(url, { method: "POST", headers: own, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });

  async function tell(message: object): Promise<void> {
    const { status } = await post(message);
    if (status !== 202) throw new Error(`a message without an answer was answered with ${status}`);
  }

  async function reply({ id, method, params }: Message): Promise<void> {
    await tell({ id, result: await answer(String(method), messageFrom(params)) });
  }

  async function ask(method: string, params: object): Promise<{ result: Message; response: Response }> {
    const id = ++ids;
    const response = await post({ id, method, params });
    for await (const message of messagesOf(response)) {
      if (typeof message["method"] === "string") {
        if (message["id"] !== undefined) await reply(message);
      } else if (message["id"] === id) return { result: resultOf(method, message), response };
    }
    throw new Error(`${method} was not answered (${response.status})`);
  }

  const clientInfo = { name: "end-client", version: "1.0.0" };
  const { result, response } = await ask("initialize", { protocolVersion: version, capabilities, clientInfo });
  const session = response.headers.get("mcp-session-id");
  if (session !== null) own["mcp-session-id"] = session;
  own["mcp-protocol-version"] = String(result["protocolVersion"]);
  await tell({ method: "notifications/initialized" });

  return {
    request: async (method, params = {}) => (await ask(method, params)).result,
    async close() {
      await fetch(url, { method: "DELETE", headers: own });
    },
  };
}
