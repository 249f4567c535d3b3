// A fleet is rolled in the middle of the day. Two proxies behind a plain TCP balancer are replaced one after the other, and two
// control planes on one database as well, while agents call over kept and fresh connections and admins write: no call fails,
// no fact is lost, and every command is done once however often it had to be sent.

import { Agent, request, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { startBalancer, type Balancer } from "../support/balancer.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { AdminClient } from "../support/admin-client.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readCalls,
  readFleet,
  registerServer,
  type IssuedKey,
} from "../support/operations.ts";
import { kafkaAvailability, openKafka } from "../support/kafka-broker.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

type World = { stack: Stack; key: IssuedKey; agents: Balancer; admins: Balancer };

/** Ten of the balancer's probes. */
const drainDelayMs = 500;

async function open(name: string, kafka: { kafkaBrokers?: string } = {}): Promise<World> {
  const database = resources.use(await createDatabase(name));
  const upstream = resources.use(await startExampleMcp({ SSE: "1" }));
  const env = { TOLLGATE_DRAIN_DELAY_MS: String(drainDelayMs), TOLLGATE_LOG_LEVEL: "warn" };
  const stack = resources.use(
    await startStack({ databaseUrl: database.url, proxies: 2, hasSecondControl: true, env, ...kafka }),
  );
  const over = async (members: readonly Member[]): Promise<Balancer> => {
    const targets = members.map((member) => ({ port: portOf(member), probeUrl: `${member.url}/readyz` }));
    return resources.use(await startBalancer(targets));
  };
  const [agents, admins] = [await over(stack.proxies), await over(stack.controls)];
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const team = await createTeam(stack.admin, "platform");
  const key = await issueKey(stack.admin, { name: "agent", teamId: team.id });
  for (const { url } of stack.proxies)
    await until(async () => (await callTool(url, key.secret, "example__echo")).hasResult, { what: "the key to work" });
  await until(async () => (await callTool(agents.url, key.secret, "example__echo")).hasResult, {
    what: "the balancer",
  });
  return { stack, key, agents, admins };
}

const portOf = ({ url }: Member): number => Number(new URL(url).port);

type Load = { finished: string[]; failed: string[]; stop(): Promise<void> };

/** Each caller sends its next call as soon as it has its answer; nothing is ever sent twice. */
function startCalling({ agents: { url }, key }: World, agents: readonly (Agent | false)[]): Load {
  const load: Load = { finished: [], failed: [], stop: async () => undefined };
  let isOver = false;
  const calling = agents.map(async (agent, number) => {
    for (let count = 0; !isOver; count++) {
      // Now and then one that is under way for longer than the balancer needs to notice.
      const [tool, args] =
        count % 20 === number ? ["example__slow", { ms: 900 }] : ["example__echo", { number, count }];
      const answer = await call(url, key.secret, tool, args, agent).catch((error: unknown) => String(error));
      if (typeof answer === "string") load.failed.push(answer);
      else if (answer.isAnswered) load.finished.push(answer.requestId);
      else load.failed.push(answer.body);
    }
  });
  load.stop = async () => {
    isOver = true;
    await Promise.all(calling);
    for (const agent of agents) if (agent !== false) agent.destroy();
  };
  return load;
}

async function call(url: string, key: string, name: string, args: unknown, agent: Agent | false) {
  const { headers, body: asked } = mcpRequest("tools/call", { name, arguments: args });
  const sent = request(`${url}/mcp`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${key}` },
    agent,
  });
  sent.end(asked);
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const requestId = String(response.headers["x-tollgate-request-id"]);
  return { isAnswered: response.statusCode === 200 && body.includes('"result"'), body, requestId };
}

const callers = (kept: number, fresh: number): (Agent | false)[] => [
  ...Array.from({ length: kept }, () => new Agent({ keepAlive: true, maxSockets: 1 })),
  ...Array.from({ length: fresh }, () => false as const),
];

/**
 * The next one leaves when the balancer has taken the former back, and not when that one calls itself ready: for up to one
 * probe in between, whoever leaves at once leaves the balancer with nobody to give a connection to.
 */
async function roll(members: readonly Member[], balancer: Balancer): Promise<void> {
  for (const member of members) {
    expect(await member.stop("SIGTERM"), member.log()).toBe(0);
    await member.start();
    await until(() => balancer.givesTo(portOf(member)), { what: "the balancer to take it back" });
  }
}

async function expectStoredOnce({ stack, key }: World, finished: readonly string[]): Promise<void> {
  const rows = await until(
    async () => {
      const found = await readCalls(stack.admin, { keyId: key.id, outcome: "ANSWERED" });
      const ids = new Set(found.map(({ requestId }) => requestId));
      return finished.every((id) => ids.has(id)) && found;
    },
    { what: "the facts to arrive", timeoutMs: 60_000, intervalMs: 200 },
  );
  expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(rows.length);
}

async function rollProxies(world: World): Promise<void> {
  const load = startCalling(world, callers(6, 2));
  await until(() => load.finished.length > 100, { what: "the load" });
  await roll(world.stack.proxies, world.agents);
  await load.stop();
  console.log(`${load.finished.length} calls while two proxies were rolled, ${load.failed.length} failed`);
  expect(load.failed).toEqual([]);
  await expectStoredOnce(world, load.finished);
}

async function rollControls(world: World): Promise<void> {
  const admin = new AdminClient(world.admins.url, world.stack.adminToken);
  const load = startCalling(world, callers(2, 1));
  const done = new Map<string, string>();
  let [repeated, isOver] = [0, false];
  const create = `mutation ($name: String!, $key: String!) { createTeam(input: { name: $name }, idempotencyKey: $key) {
    __typename ... on CreateTeamSucceeded { team { id } position } ... on Refusal { message } } }`;
  const writing = [0, 1, 2, 3].map(async (number) => {
    for (let count = 0; !isOver; count++) {
      const name = `team-${number}-${count}`;
      // As a client does that got no answer: the same again, under the same key, until there is one.
      const answer = await until(
        () =>
          admin
            .run<{ createTeam: { __typename: string; team: { id: string } } }>(create, { name, key: name })
            .catch(() => {
              repeated++;
              return undefined;
            }),
        { what: `an answer about ${name}`, timeoutMs: 20_000 },
      );
      expect(answer.createTeam.__typename).toBe("CreateTeamSucceeded");
      done.set(name, answer.createTeam.team.id);
    }
  });
  await until(() => done.size > 20, { what: "the commands" });
  await roll(world.stack.controls, world.admins);
  isOver = true;
  await Promise.all(writing);
  await load.stop();
  console.log(
    `${done.size} commands while two control planes were rolled, ${repeated} sent again; ${load.finished.length} calls`,
  );
  expect(load.failed).toEqual([]);
  // Where it is read may be a moment behind where the last ones were done.
  const all = async () => (await readTeams(world.stack.admin)).length > done.size;
  await until(all, { what: "the commands to be seen" });
  const teams = await readTeams(world.stack.admin);
  expect(new Map(teams.filter(({ name }) => name !== "platform").map(({ name, id }) => [name, id]))).toEqual(done);
  expect(teams).toHaveLength(done.size + 1);
  await expectStoredOnce(world, load.finished);
}

test("both proxies are rolled under load: no call fails, and the facts of all are stored once", async () => {
  await rollProxies(await open("roll proxies"));
}, 120_000);

test("both control planes are rolled under commands and calls: every command is done once, and no call fails", async () => {
  await rollControls(await open("roll control planes"));
}, 120_000);

describeWith(await kafkaAvailability(), "with events and facts over Kafka", () => {
  test("first the control planes are rolled, the one that relays among them, then the proxies: the same holds", async () => {
    const kafka = resources.use(await openKafka());
    const world = await open("roll kafka", { kafkaBrokers: kafka.brokers });
    await followKafka(world.stack);
    await rollControls(world);
    await followKafka(world.stack);
    await rollProxies(world);
    await followKafka(world.stack);
  }, 240_000);
});

function followKafka({ admin, proxies }: Stack): Promise<unknown> {
  const follow = async (): Promise<number> =>
    (await readFleet(admin)).filter(({ source }) => source === "kafka").length;
  return until(async () => (await follow()) === proxies.length, {
    what: "the proxies to follow Kafka",
    timeoutMs: 60_000,
  });
}

async function readTeams(admin: AdminClient): Promise<{ id: string; name: string }[]> {
  type Page = {
    edges: { node: { id: string; name: string } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
  const found: { id: string; name: string }[] = [];
  for (let after: string | null = null; ;) {
    const { teams }: { teams: Page } = await admin.run(
      `query ($after: String) { teams(first: 500, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } } }`,
      { after },
    );
    found.push(...teams.edges.map(({ node }) => node));
    if (!teams.pageInfo.hasNextPage) return found;
    after = teams.pageInfo.endCursor;
  }
}
