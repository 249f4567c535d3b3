// A raw client of a server behind a URL, Streamable HTTP as of the legacy era: one POST a message, whose answer is JSON or a
// stream of events, of which it takes the texts as they are. It opens no GET stream and declares nothing. The session ends
// with the scope.
import type { RawClient } from "./raw-client.ts";
import { rawMessage, type RawMessage } from "./raw-message.ts";

export interface HttpServer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const answerMsMax = 60_000;
const accept = "application/json, text/event-stream";

export function connectByHttp({ url, headers = {} }: HttpServer): RawClient {
  const notifications: RawMessage[] = [];
  let session: string | undefined;
  let version: string | undefined;

  const heads = (): Record<string, string> => ({
    ...headers,
    ...(session === undefined ? {} : { "mcp-session-id": session }),
    ...(version === undefined ? {} : { "mcp-protocol-version": version }),
  });

  const post = async (message: unknown): Promise<Response> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...heads(), "content-type": "application/json", accept },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(answerMsMax),
    });
    session = response.headers.get("mcp-session-id") ?? session;
    return response;
  };

  return {
    notifications,
    async notify(method) {
      const response = await post({ jsonrpc: "2.0", method });
      await response.arrayBuffer();
      if (response.status !== 202) throw new Error(`${method} was answered with ${response.status}`);
    },
    async request(id, method, params) {
      const response = await post({ jsonrpc: "2.0", id, method, params });
      const messages = await messagesIn(response);
      const answer = messages.find(({ envelope }) => envelope.id === id && envelope.method === undefined);
      if (answer === undefined) throw new Error(`no answer to ${method} (${response.status})`);
      notifications.push(...messages.filter((message) => message !== answer));
      if (method === "initialize") version = versionIn(answer.envelope.result);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (session === undefined) return;
      const response = await fetch(url, { method: "DELETE", headers: heads() });
      await response.arrayBuffer();
    },
  };
}

/** What is no message fails, with its beginning. */
export async function messagesIn(response: Response): Promise<RawMessage[]> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const body = await response.text();
  try {
    return (isStream ? eventsIn(body) : [body]).map(rawMessage);
  } catch (cause) {
    throw new Error(`answered ${response.status} without a message: ${body.slice(0, 500)}`, { cause });
  }
}

/** A server that ends its stream has answered; the data of an event may be several lines. */
function eventsIn(body: string): string[] {
  return body.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
    const text = data.map((line) => line.slice("data:".length).replace(/^ /, "")).join("\n");
    return text === "" ? [] : [text];
  });
}

function versionIn(result: unknown): string | undefined {
  if (typeof result !== "object" || result === null || !("protocolVersion" in result)) return undefined;
  return typeof result.protocolVersion === "string" ? result.protocolVersion : undefined;
}
