// Real servers through a real proxy: it starts each of them as a program, as people register them, and what a client sees through
// it is what he sees directly, to the byte. A list that lost something, a result that was rewritten, an instruction that was not
// carried would cost an agent its tools without anybody noticing. Where a difference is meant, it is named here, with its reason.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectSdk, sdkLines } from "../clients/sdk-client.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { createTeam, createToolGroup, issueKey, registerServer } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { comparable } from "./comparable.ts";
import { serversAvailability } from "./install.ts";
import { itemsOf, observe, type Observation } from "./observe.ts";
import { connectByHttp } from "./raw-http.ts";
import { connectModern } from "./raw-modern.ts";
import { memberText } from "./raw-message.ts";
import { seenOf, type Shown } from "./seen.ts";
import { everything, realServers, type RealServer } from "./servers.ts";
import { freshFolder, programOf, startOnStdio, type Folder } from "./start-server.ts";

const testMsMax = 60_000;
const startMsMax = 120_000;

let database: TestDatabase;
let stack: Stack;
let teamId: string;
const folders = new Map<string, Folder>();

describeWith(await serversAvailability(), "Real servers, through the gate", () => {
  beforeAll(async () => {
    database = await createDatabase("differential");
    stack = await startStack({ databaseUrl: database.url });
    teamId = (await createTeam(stack.admin, "differential")).id;
    for (const server of realServers) {
      const folder = await freshFolder(server);
      folders.set(server.name, folder);
      await register(server, folder);
    }
  }, startMsMax);

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await database?.drop();
    for (const folder of folders.values()) await folder[Symbol.asyncDispose]();
  });

  test.each(realServers)(
    "$name looks as it does directly",
    async (server) => {
      const folder = folderOf(server);
      const endpoints = Object.values(await endpointsOf(server));
      for (const capabilities of capabilitiesFor(server)) {
        const direct = seenOf(await observeDirectly(server, folder, capabilities), server, { prefix: "" });
        // An observation of nothing is always equal to another.
        expect(direct.tools.length).toBeGreaterThan(0);
        for (const endpoint of endpoints) {
          const observation = await observeThrough(endpoint, server, folder, capabilities);
          const { tools, ...rest } = seenOf(observation, server, endpoint);
          const isMeant = (item: string) => Object.keys(capabilities).length > 0 || !isShownToAll(server, item);
          expect({ ...rest, tools: tools.filter(isMeant) }).toEqual(direct);
        }
      }
    },
    testMsMax,
  );

  test.each(sdkLines)(
    "a real program asks a client of the SDK %s",
    async (line) => {
      const { plain } = await endpointsOf(everything);
      await using client = await connectSdk(line, plain, { name: "Ada", email: "ada@example.org" });
      const answer = await client.callTool({ name: "trigger-elicitation-request" });
      expect(client.asked).toEqual(["Please provide inputs for the following fields:"]);
      expect(answer).toMatchObject({
        content: [
          { text: "✅ User provided the requested information!" },
          { text: expect.stringContaining("Ada") },
          {},
        ],
      });
    },
    testMsMax,
  );

  test(
    "all of them stand beside each other at the default endpoint, with their instructions below their names",
    async () => {
      const alone: string[] = [];
      for (const server of realServers) alone.push(...(await namesAt((await endpointsOf(server)).prefixed)));
      const { secret } = await issueKey(stack.admin, { name: "all", teamId });
      const url = `${stack.proxy().url}/mcp`;
      const together = { url, headers: { authorization: `Bearer ${secret}` }, prefix: "" };
      await until(async () => (await namesAt(together)).length > 0, { what: "the key to be known", intervalMs: 100 });
      const names = await namesAt(together);
      expect(names.toSorted()).toEqual(alone.toSorted());
      expect(new Set(names).size).toBe(names.length);

      await using client = connectByHttp(together);
      const { initialize } = await observe(client, { calls: [], isListsOnly: true });
      const result = "result" in initialize ? JSON.parse(initialize.result) : initialize;
      for (const name of ["everything", "context7"])
        expect(result).toMatchObject({ instructions: expect.stringContaining(`# ${name}\n`) });
    },
    testMsMax,
  );
});

function folderOf({ name }: RealServer): Folder {
  const folder = folders.get(name);
  if (folder === undefined) throw new Error(`${name} is not registered`);
  return folder;
}

async function namesAt(endpoint: Endpoint): Promise<string[]> {
  await using client = connectByHttp(endpoint);
  const { tools } = await observe(client, { calls: [], isListsOnly: true });
  return itemsOf(tools, "tools").map((item) => memberText(item, "name") ?? "");
}

/** Nothing, and what it shows more to. */
function capabilitiesFor({ capabilities }: RealServer): Readonly<Record<string, unknown>>[] {
  return capabilities === undefined ? [{}] : [{}, capabilities];
}

function isShownToAll({ shownToAll = [] }: RealServer, tool: string): boolean {
  return shownToAll.some((name) => memberText(tool, "name") === JSON.stringify(name));
}

async function observeDirectly(server: RealServer, folder: Folder, capabilities: object): Promise<Observation> {
  await folder.restore();
  await using client = await startOnStdio(server, folder.path);
  const options = { ...server, capabilities: { ...capabilities }, calls: server.calls(folder.path) };
  return comparable(await observe(client, options), server.varies);
}

type Endpoint = Shown & { readonly url: string; readonly headers: Readonly<Record<string, string>> };

const keys = new Map<string, string>();

/** With a key that reaches this server alone. */
async function register(server: RealServer, folder: Folder): Promise<void> {
  const { name } = server;
  const { admin } = stack;
  const { command, args, env, cwd } = await programOf(server, folder.path);
  await registerServer(admin, {
    ...{ name, transport: "STDIO", command: [command, ...args], workingDirectory: cwd },
    environment: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
    ...(server.hasSessions ? { isolation: "SESSION" } : {}),
  });
  await createToolGroup(admin, { name: `only-${name}`, tools: [`${name}/*`], naming: "NONE" });
  const { secret } = await issueKey(admin, { name, teamId, tools: [`${name}/*`] });
  keys.set(name, secret);
}

/** Where its names are its own, where its name stands before them, and the former for a client of the modern era. */
async function endpointsOf({ name }: RealServer): Promise<Record<"plain" | "prefixed" | "modern", Endpoint>> {
  const headers = { authorization: `Bearer ${keys.get(name)}` };
  const { url } = stack.proxy();
  const plain = { url: `${url}/mcp/only-${name}`, headers, prefix: "" };
  const prefixed = { url: `${url}/mcp`, headers, prefix: `${name}__` };
  await until(async () => (await namesAt(plain)).length > 0, {
    ...{ what: `the tools of ${name}`, timeoutMs: 30_000, intervalMs: 100 },
  });
  return { plain, prefixed, modern: { ...plain, isModern: true } };
}

async function observeThrough(
  endpoint: Endpoint,
  server: RealServer,
  folder: Folder,
  capabilities: object,
): Promise<Observation> {
  await folder.restore();
  await using client = endpoint.isModern ? connectModern(endpoint, capabilities) : connectByHttp(endpoint);
  const calls = server.calls(folder.path);
  const nameOf = (tool: string): string => endpoint.prefix + tool;
  const observed = await observe(client, { ...server, capabilities: { ...capabilities }, calls, nameOf });
  return comparable(observed, server.varies);
}
