// The official SDKs as clients, behind one small interface: the first line, and the second one in both eras. In its modern era
// the second line is not pinned but finds the era out, as programs that are built on it do. Each accepts what it is asked with
// one form, and keeps what it is told. It judges nothing.
import { Client as NewerClient, StreamableHTTPClientTransport as NewerHttp } from "@modelcontextprotocol/client";
import { Client as FormerClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as FormerHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

export const sdkLines = ["v1", "v2 legacy", "v2 modern"] as const;
export type SdkLine = (typeof sdkLines)[number];

export interface SdkCall {
  readonly name: string;
  readonly arguments?: Record<string, unknown>;
  readonly onProgress?: (progress: number) => void;
  readonly signal?: AbortSignal;
}

export interface SdkClient extends AsyncDisposable {
  listTools(): Promise<string[]>;
  callTool(call: SdkCall): Promise<object>;
  readText(uri: string): Promise<unknown>;
  complete(prompt: string, argument: string, value: string): Promise<object>;
  /** Of the resource, and in the modern era of changed lists, which tell of themselves in the legacy one. */
  subscribe(uri: string): Promise<void>;
  /** For the calls that follow. */
  setLogLevel(level: "debug" | "warning"): Promise<void>;
  /** The messages of questions. */
  readonly asked: string[];
  readonly told: { readonly method: string; readonly params: unknown }[];
}

interface Place {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const info = { name: "sdk-client", version: "1.0.0" };
const capabilities = { elicitation: {} };
const logLevelKey = "io.modelcontextprotocol/logLevel";

/** What each question is accepted with. */
type Form = Record<string, string>;

export function connectSdk(line: SdkLine, place: Place, form: Form): Promise<SdkClient> {
  return line === "v1" ? connectFormer(place, form) : connectNewer(line, place, form);
}

async function connectFormer({ url, headers }: Place, content: Form): Promise<SdkClient> {
  const asked: string[] = [];
  const told: { method: string; params: unknown }[] = [];
  const client = new FormerClient(info, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: "accept", content };
  });
  client.fallbackNotificationHandler = async ({ method, params }) => void told.push({ method, params });
  const transport = new FormerHttp(new URL(url), { requestInit: { headers } });
  // Its own class does not fit its own interface under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return {
    ...methodsOf(client),
    callTool: ({ name, arguments: given = {}, ...options }) =>
      client.callTool({ name, arguments: given }, undefined, optionsOf(options)),
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    setLogLevel: async (level) => void (await client.setLoggingLevel(level)),
    ...{ asked, told },
    async [Symbol.asyncDispose]() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

async function connectNewer(
  line: "v2 legacy" | "v2 modern",
  { url, headers }: Place,
  content: Form,
): Promise<SdkClient> {
  const isModern = line === "v2 modern";
  const asked: string[] = [];
  const told: { method: string; params: unknown }[] = [];
  const versionNegotiation = { mode: isModern ? ("auto" as const) : ("legacy" as const) };
  const client = new NewerClient(info, { capabilities, versionNegotiation });
  client.setRequestHandler("elicitation/create", ({ params }) => {
    asked.push(params.message);
    return { action: "accept", content };
  });
  client.fallbackNotificationHandler = async ({ method, params }) => void told.push({ method, params });
  const transport = new NewerHttp(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  let meta: object = {};
  return {
    ...methodsOf(client),
    callTool: ({ name, arguments: given = {}, ...options }) =>
      client.callTool({ name, arguments: given, _meta: { ...meta } }, optionsOf(options)),
    async subscribe(uri) {
      if (isModern) await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
      else await client.subscribeResource({ uri });
    },
    async setLogLevel(level) {
      if (isModern) meta = { [logLevelKey]: level };
      else await client.setLoggingLevel(level);
    },
    ...{ asked, told },
    async [Symbol.asyncDispose]() {
      if (!isModern) await transport.terminateSession();
      await client.close();
    },
  };
}

/** What both SDKs call the same. */
interface Methods {
  listTools(): Promise<{ tools: { name: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: object[] }>;
  complete(params: {
    ref: { type: "ref/prompt"; name: string };
    argument: { name: string; value: string };
  }): Promise<{ completion: object }>;
}

function methodsOf(client: Methods): Pick<SdkClient, "listTools" | "readText" | "complete"> {
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async readText(uri) {
      const [first = {}] = (await client.readResource({ uri })).contents;
      return "text" in first ? first.text : undefined;
    },
    async complete(prompt, name, value) {
      const ref = { type: "ref/prompt" as const, name: prompt };
      return (await client.complete({ ref, argument: { name, value } })).completion;
    },
  };
}

function optionsOf({ onProgress, signal }: Pick<SdkCall, "onProgress" | "signal">) {
  return {
    ...(onProgress === undefined ? {} : { onprogress: ({ progress }: { progress: number }) => onProgress(progress) }),
    ...(signal === undefined ? {} : { signal }),
  };
}
