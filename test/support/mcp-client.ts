// A client of 2026-07-28 at a proxy that runs as a process, with a key: lists, calls, and a stream on which changes are told.
// Each request takes a connection of its own, so that requests in a row meet different workers. Beyond JSON nothing is
// interpreted.

import { at } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { openAsk, type Talk } from "../../data-plane/proxy/src/fixtures/client-fixture.ts";

export type McpClient = {
  ask(method: string, params?: object, capabilities?: object): Promise<{ status: number; message: unknown }>;
  /** The names of a list's members, sorted. */
  toolNames(): Promise<string[]>;
  callText(name: string, args?: object): Promise<string>;
  /** The error's code of a call that is refused; undefined where it was answered. */
  callCode(name: string, args?: object): Promise<unknown>;
  /** Resolves once the stream is acknowledged. */
  listen(filter?: object): Promise<Talk>;
};

export function mcpClient(url: string, key: string, path = "/mcp"): McpClient {
  const whose = { text: key };
  async function ask(method: string, params: object = {}, capabilities: object = {}) {
    const talk = await openAsk({ url }, whose, method, params, { path, capabilities });
    return { status: talk.status, message: await talk.response() };
  }
  return {
    ask,
    async toolNames() {
      const { message } = await ask("tools/list");
      const tools = at(message, "result", "tools");
      if (!Array.isArray(tools)) throw new Error(`no list: ${JSON.stringify(message)}`);
      return tools.map((tool) => String(at(tool, "name"))).sort();
    },
    async callText(name, args = {}) {
      const { message } = await ask("tools/call", { name, arguments: args });
      return String(at(message, "result", "content", 0, "text"));
    },
    async callCode(name, args = {}) {
      const { message } = await ask("tools/call", { name, arguments: args });
      return at(message, "error", "data", "code");
    },
    async listen(filter = { toolsListChanged: true }) {
      const talk = await openAsk({ url }, whose, "subscriptions/listen", { notifications: filter }, { path });
      await talk.next("notifications/subscriptions/acknowledged");
      return talk;
    },
  };
}

/** How often a stream was told of it so far. */
export function timesTold(talk: Talk, method = "notifications/tools/list_changed"): number {
  return talk.messages.filter((message) => at(message, "method") === method).length;
}
