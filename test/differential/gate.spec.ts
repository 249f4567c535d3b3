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
      const direct = seenOf(await observeDirectly(server, folder), "");
      // An observation of nothing is always equal to another.
      expect(direct.tools.length).toBeGreaterThan(0);
      const { plain, prefixed, headers } = await register(server, folder);
      expect(seenOf(await observeThrough(plain, headers, server, folder, ""), "")).toEqual(direct);
      const prefix = `${server.name}__`;
      expect(seenOf(await observeThrough(prefixed, headers, server, folder, prefix), prefix)).toEqual(direct);
    },
    testMsMax,
  );
});

async function observeDirectly(server: RealServer, folder: Folder): Promise<Observation> {
  await using client = await startOnStdio(server, folder.path);
  return comparable(await observe(client, { ...server, calls: server.calls(folder.path) }), server.varies);
}

type Registered = { plain: string; prefixed: string; headers: Record<string, string> };

/** With a key that reaches this server alone, and an endpoint where its names are its own. */
async function register(server: RealServer, folder: Folder): Promise<Registered> {
  const { name } = server;
  const { admin } = stack;
  await folder.restore();
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
  const registered = { plain: `${url}/mcp/only-${name}`, prefixed: `${url}/mcp`, headers };
  await until(async () => (await listTools(registered.plain, headers)) > 0, {
    ...{ what: `the tools of ${name}`, timeoutMs: 30_000, intervalMs: 100 },
  });
  return registered;
}

async function listTools(url: string, headers: Record<string, string>): Promise<number> {
  await using client = connectByHttp({ url, headers });
  return itemsOf((await observe(client, { calls: [] })).tools, "tools").length;
}

async function observeThrough(
  url: string,
  headers: Record<string, string>,
  server: RealServer,
  folder: Folder,
  prefix: string,
): Promise<Observation> {
  await folder.restore();
  await using client = connectByHttp({ url, headers });
  const calls = server.calls(folder.path);
  const observed = await observe(client, { ...server, calls, nameOf: (tool) => prefix + tool });
  return comparable(observed, server.varies);
}

type Seen = Record<"tools" | "prompts" | "resources" | "resourceTemplates", string[]> & {
  instructions: string | undefined;
  prompted: readonly Answer[];
  read: readonly Answer[];
  calls: Observation["calls"];
};

/** What has to be equal: not how lists are cut into pages, nor how a server and a gate call themselves. */
function seenOf({ initialize, calls, prompted, read, ...lists }: Observation, prefix: string): Seen {
  return {
    instructions: "result" in initialize ? memberText(initialize.result, "instructions") : undefined,
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
