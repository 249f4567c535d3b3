// The official clients of both eras behind one small interface, over HTTP to a URL or over stdio to a process that they
// start. Each answers what it is asked with the same fixed answers, and notes what it was asked and what it was told, in
// the order in which it came. A client is pinned to its era: it never falls back to the other one.

import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as LegacyHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as LegacyTransport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { Era } from "./fixture.ts";

export type Place = { url: string } | { command: string; args: string[] };

export type OfficialClient = {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<object>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<object>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listResourceTemplates(): Promise<object>;
  readResource(params: { uri: string }): Promise<object>;
  complete(params: CompleteParams): Promise<object>;
  /** Hears of changes of the lists and of these resources; resolves once the server knows. */
  subscribe(uris: string[]): Promise<void>;
  readonly asked: string[];
  /** Methods of notifications, but for those that belong to a call. */
  readonly told: string[];
} & AsyncDisposable;

type CompleteParams = {
  ref: { type: "ref/prompt"; name: string };
  argument: { name: string; value: string };
};

const info = { name: "tollgate-test", version: "1.0.0" };
const capabilities = { elicitation: {}, sampling: {}, roots: {} };

/** One form for all questions: a field that was not asked for does no harm. */
const form = {
  action: "accept" as const,
  content: { name: "Alice", ok: true, color: "blue", context: "testing", username: "alice", email: "a@example.com" },
};
const completion = {
  role: "assistant" as const,
  model: "test-model",
  content: { type: "text" as const, text: "Paris" },
};
const roots = { roots: [{ uri: "file:///test/root", name: "root" }] };

export function connect(era: Era, place: Place): Promise<OfficialClient> {
  return era === "modern" ? connectModern(place) : connectLegacy(place);
}

async function connectLegacy(place: Place): Promise<OfficialClient> {
  const asked: string[] = [];
  const told: string[] = [];
  const client = new LegacyClient(info, { capabilities });
  const note = <T>(method: string, answer: T): T => {
    asked.push(method);
    return answer;
  };
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => note(method, form));
  client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => note(method, completion));
  client.setRequestHandler(ListRootsRequestSchema, ({ method }) => note(method, roots));
  client.fallbackNotificationHandler = async ({ method }) => void told.push(method);
  const transport = "url" in place ? new LegacyHttp(new URL(place.url)) : new LegacyStdio(place);
  // Its own class does not fit its own interface under exactOptionalPropertyTypes.
  await client.connect(transport as LegacyTransport);
  return {
    ...methodsOf(client),
    async subscribe(uris) {
      for (const uri of uris) await client.subscribeResource({ uri });
    },
    asked,
    told,
    async [Symbol.asyncDispose]() {
      if (transport instanceof LegacyHttp) await transport.terminateSession();
      await client.close();
    },
  };
}

async function connectModern(place: Place): Promise<OfficialClient> {
  const asked: string[] = [];
  const told: string[] = [];
  const client = new ModernClient(info, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const note = <T>(method: string, answer: T): T => {
    asked.push(method);
    return answer;
  };
  client.setRequestHandler("elicitation/create", ({ method }) => note(method, form));
  client.setRequestHandler("sampling/createMessage", ({ method }) => note(method, completion));
  client.setRequestHandler("roots/list", ({ method }) => note(method, roots));
  client.fallbackNotificationHandler = async ({ method }) => void told.push(method);
  await client.connect("url" in place ? new ModernHttp(new URL(place.url)) : new ModernStdio(place));
  return {
    ...methodsOf(client),
    async subscribe(uris) {
      await client.listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: uris,
      });
    },
    asked,
    told,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

type Methods = Omit<OfficialClient, "subscribe" | "asked" | "told" | keyof AsyncDisposable>;

/** Both SDKs call them the same. */
function methodsOf(client: Methods): Methods {
  return {
    listTools: () => client.listTools(),
    callTool: (params) => client.callTool(params),
    listPrompts: () => client.listPrompts(),
    getPrompt: (params) => client.getPrompt(params),
    listResources: () => client.listResources(),
    listResourceTemplates: () => client.listResourceTemplates(),
    readResource: (params) => client.readResource(params),
    complete: (params) => client.complete(params),
  };
}
