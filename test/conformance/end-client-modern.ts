// A raw client of 2026-07-28: every request is whole in itself, and what a server wants to know is answered by asking again
// with the answers, under a new id and with the state as it came. Arguments that a listed tool marks are repeated in headers.

import { mcpRequest } from "../support/mcp-request.ts";
import { messageFrom, resultOf, type Connecting, type EndClient, type Message } from "./end-client.ts";
import { messagesOf } from "./event-stream.ts";

const roundsMax = 5;

export function connectModern({ url, headers, capabilities, answer }: Connecting): EndClient {
  let ids = 0;
  const marks = new Map<unknown, Message>();

  async function post(method: string, params: object): Promise<Message> {
    const id = ++ids;
    const sent = mcpRequest(method, params, id, capabilities);
    const mirrored = method === "tools/call" ? mirroredIn(messageFrom(params), marks) : {};
    const response = await fetch(url, {
      method: "POST",
      headers: { ...sent.headers, ...mirrored, ...headers },
      body: sent.body,
    });
    for await (const message of messagesOf(response)) if (message["id"] === id) return resultOf(method, message);
    throw new Error(`${method} was not answered (${response.status})`);
  }

  async function answersTo(questions: Message): Promise<object> {
    const answers: Record<string, object> = {};
    for (const [key, question] of Object.entries(questions)) {
      const { method, params } = messageFrom(question);
      answers[key] = await answer(String(method), messageFrom(params));
    }
    return answers;
  }

  return {
    async request(method, params = {}) {
      let result = await post(method, params);
      for (let round = 1; result["resultType"] === "input_required"; round++) {
        if (round > roundsMax) throw new Error(`${method} asked more than ${roundsMax} times`);
        const { inputRequests, requestState } = result;
        const inputResponses = await answersTo(messageFrom(inputRequests));
        result = await post(method, {
          ...params,
          inputResponses,
          ...(requestState === undefined ? {} : { requestState }),
        });
      }
      if (method === "tools/list" && Array.isArray(result["tools"]))
        for (const tool of result["tools"].map(messageFrom)) marks.set(tool["name"], messageFrom(tool["inputSchema"]));
      return result;
    },
    close: async () => {},
  };
}

function mirroredIn(params: Message, marks: ReadonlyMap<unknown, Message>): Record<string, string> {
  const args = messageFrom(params["arguments"]);
  const properties = messageFrom(marks.get(params["name"])?.["properties"]);
  const headers = Object.entries(properties).flatMap(([name, schema]) => {
    const { "x-mcp-header": header } = messageFrom(schema);
    const value = args[name];
    if (typeof header !== "string" || value === undefined || value === null) return [];
    return [[`mcp-param-${header}`, headerText(typeof value === "string" ? value : JSON.stringify(value))]];
  });
  return Object.fromEntries(headers);
}

function headerText(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text);
  return isPlain ? text : `=?base64?${Buffer.from(text, "utf8").toString("base64")}?=`;
}
