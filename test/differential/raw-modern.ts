// A raw client of the modern era: each request is a POST that is whole in itself, with what it is repeated in headers. It takes
// answers as they come, declares what it is told to and listens to nothing. There is no session that could end.
import { mcpRequest } from "../support/mcp-request.ts";
import type { RawClient } from "./raw-client.ts";
import { answerMsMax, messagesIn, type HttpServer } from "./raw-http.ts";

export function connectModern({ url, headers = {} }: HttpServer, capabilities: object): RawClient {
  return {
    isModern: true,
    notifications: [],
    notify: (method) => Promise.reject(new Error(`no ${method} in the modern era`)),
    async request(id, method, params) {
      const { headers: repeated, body } = mcpRequest(method, { ...Object(params) }, id, capabilities);
      const response = await fetch(url, {
        ...{ method: "POST", headers: { ...headers, ...repeated }, body },
        signal: AbortSignal.timeout(answerMsMax),
      });
      const messages = await messagesIn(response);
      const answer = messages.find(({ envelope }) => envelope.id === id && envelope.method === undefined);
      if (answer === undefined) throw new Error(`no answer to ${method} (${response.status})`);
      return answer;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
