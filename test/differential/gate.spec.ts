// Real servers through a real proxy: it starts each of them as a program, as people register them, and what a client sees through
// it is what he sees directly, to the byte. A list that lost something, a result that was rewritten, an instruction that was not
// carried would cost an agent its tools without anybody noticing. Where a difference is meant, it is named here, with its reason.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { createTeam, createToolGroup, issueKey, registerServer } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { comparable } from "./comparable.ts";
import { serversAvailability } from "./install.ts";
import { itemsOf, observe, type Answer, type Observation } from "./observe.ts";
import { connectByHttp } from "./raw-http.ts";
import { memberText } from "./raw-message.ts";
import { realServers, type RealServer } from "./servers.ts";
import { freshFolder, programOf, startOnStdio, type Folder } from "./start-server.ts";

const testMsMax = 60_000;
const startMsMax = 120_000;

let database: TestDatabase;
let stack: Stack;
let teamId: string;

describeWith(await serversAvailability(), "Real servers, through the gate", () => {
  beforeAll(async () => {
    database = await createDatabase("differential");
    stack = await startStack({ databaseUrl: database.url });
    teamId = (await createTeam(stack.admin, "differential")).id;
  }, startMsMax);

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await database?.drop();
  });

  test.each(realServers)(
    "$name looks as it does directly",
    async (server) => {
      await using folder = await freshFolder(server);
      const endpoints = await register(server, folder);
      for (const capabilities of capabilitiesFor(server)) {
        const direct = seenOf(await observeDirectly(server, folder, capabilities), server, "");
        // An observation of nothing is always equal to another.
        expect(direct.tools.length).toBeGreaterThan(0);
        for (const endpoint of endpoints) {
          const observation = await observeThrough(endpoint, server, folder, capabilities);
          const { tools, ...rest } = seenOf(observation, server, endpoint.prefix);
          const isMeant = (item: string) => Object.keys(capabilities).length > 0 || !isShownToAll(server, item);
          expect({ ...rest, tools: tools.filter(isMeant) }).toEqual(direct);
        }
      }
    },
    testMsMax,
  );
});

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

interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Before the names of tools and prompts. */
  readonly prefix: string;
}

/** With a key that reaches this server alone: where its names are its own, and where its name stands before them. */
async function register(server: RealServer, folder: Folder): Promise<Endpoint[]> {
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
  const headers = { authorization: `Bearer ${secret}` };
  const { url } = stack.proxy();
  const plain = { url: `${url}/mcp/only-${name}`, headers, prefix: "" };
  await until(async () => (await toolCount(plain)) > 0, {
    ...{ what: `the tools of ${name}`, timeoutMs: 30_000, intervalMs: 100 },
  });
  return [plain, { url: `${url}/mcp`, headers, prefix: `${name}__` }];
}

async function toolCount(endpoint: Endpoint): Promise<number> {
  await using client = connectByHttp(endpoint);
  return itemsOf((await observe(client, { calls: [] })).tools, "tools").length;
}

async function observeThrough(
  endpoint: Endpoint,
  server: RealServer,
  folder: Folder,
  capabilities: object,
): Promise<Observation> {
  await folder.restore();
  await using client = connectByHttp(endpoint);
  const calls = server.calls(folder.path);
  const nameOf = (tool: string): string => endpoint.prefix + tool;
  const observed = await observe(client, { ...server, capabilities: { ...capabilities }, calls, nameOf });
  return comparable(observed, server.varies);
}

type Seen = Record<"tools" | "prompts" | "resources" | "resourceTemplates", string[]> & {
  instructions: string | undefined;
  prompted: readonly Answer[];
  read: readonly Answer[];
  calls: Observation["calls"];
};

/** What has to be equal: not how lists are cut into pages, nor how a server and a gate call themselves. */
function seenOf(observation: Observation, { name }: RealServer, prefix: string): Seen {
  const { initialize, calls, prompted, read, ...lists } = observation;
  const instructions = "result" in initialize ? memberText(initialize.result, "instructions") : undefined;
  return {
    // Where there is more than one server, the instructions of each stand below its name.
    instructions: instructions?.replace(`"# ${name}\\n`, '"'),
    tools: itemsOf(lists.tools, "tools").map((item) => withoutPrefix(item, prefix)),
    prompts: itemsOf(lists.prompts, "prompts").map((item) => withoutPrefix(item, prefix)),
    resources: itemsOf(lists.resources, "resources"),
    resourceTemplates: itemsOf(lists.resourceTemplates, "resourceTemplates"),
    ...{ prompted, read, calls },
  };
}

function withoutPrefix(item: string, prefix: string): string {
  const name = memberText(item, "name") ?? "";
  if (!name.startsWith(`"${prefix}`)) throw new Error(`${name} does not begin with ${prefix}`);
  return item.replace(`"name":${name}`, `"name":"${name.slice(1 + prefix.length)}`);
}
