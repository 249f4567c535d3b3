// Streams of models in the middle of what happens to processes. A worker that is killed takes its streams along, and each of them
// is known all the same, once, with the most that it can have cost: an agent that is cut off has used what it has used. And
// who rolls a fleet cuts nobody off: streams under way come to their end, new ones go to whoever is there, and what is
// stored is what the provider bills.

import { Agent, request, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { startBalancer } from "../support/balancer.ts";
import { createDatabase } from "../support/database.ts";
import { readModelCalls, registerProvider, setPrices, type ModelCallRow } from "../support/model-operations.ts";
import { createTeam, issueKey, type IssuedKey } from "../support/operations.ts";
import { childrenWithout } from "../support/process-tree.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

type World = { readonly stack: Stack; readonly mock: MockProvider; readonly key: IssuedKey };

/** Dollars for a million tokens: a thousand nano-dollars for one of input, five thousand for one of output. */
const price = { provider: "p", model: "m", inputPerMillion: "1", outputPerMillion: "5" };
const outputTokensMax = 4_000;
const usage = { inputTokens: 7, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
const body = JSON.stringify({
  ...{ model: "m", max_tokens: outputTokensMax, stream: true },
  messages: [{ role: "user", content: "Hi" }],
});

async function open(name: string, proxies: number, env: Record<string, string>): Promise<World> {
  const database = resources.use(await createDatabase(name));
  const mock = resources.use(await startMockProvider());
  const stack = resources.use(
    await startStack({ databaseUrl: database.url, proxies, env: { TOLLGATE_LOG_LEVEL: "warn", ...env } }),
  );
  const credentials = [{ name: "first", value: "sk-first" }];
  await registerProvider(stack.admin, { name: "p", kind: "ANTHROPIC", baseUrl: mock.url, credentials });
  await setPrices(stack.admin, [price]);
  const team = await createTeam(stack.admin, "platform");
  const key = await issueKey(stack.admin, { name: "agent", teamId: team.id, models: ["p/*"] });
  for (const proxy of stack.proxies)
    await until(async () => (await ask(proxy.url, key)).isWhole, { what: "the key to work", timeoutMs: 30_000 });
  return { stack, mock, key };
}

type Answer = { readonly isWhole: boolean; readonly text: string; readonly requestId: string };

async function ask(url: string, key: IssuedKey, agent: Agent | false = false, onText?: () => void): Promise<Answer> {
  const sent = request(`${url}/anthropic/v1/messages`, {
    ...{ method: "POST", agent },
    headers: { "x-api-key": key.secret, "anthropic-version": "2023-06-01", "content-type": "application/json" },
  });
  sent.end(body);
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("content_block_delta")) onText?.();
  });
  response.on("error", () => undefined);
  if (!response.closed) await new Promise((resolve) => response.once("close", resolve));
  const isWhole = response.complete && response.statusCode === 200 && text.includes("message_stop");
  return { isWhole, text, requestId: String(response.headers["x-tollgate-request-id"]) };
}

const storedOf = ({ stack, key }: World, outcome: string): Promise<ModelCallRow[]> =>
  readModelCalls(stack.admin, { keyId: key.id, outcome });

test("a worker is killed in the middle of streams: each is known once, with the most that it can have cost", async () => {
  const world = await open("killed streams", 1, {});
  const { stack, mock, key } = world;
  const streams = 6;
  const hanging: Reply = { content: [{ type: "text", tokens: 400 }], usage, trouble: { hangAfterEvents: 9 } };
  mock.queueReplies(...Array.from({ length: streams }, () => hanging));
  const before = await storedOf(world, "ANSWERED");
  let begun = 0;
  const answers = Array.from({ length: streams }, () => {
    let isBegun = false;
    return ask(stack.proxy().url, key, false, () => {
      if (!isBegun) begun++;
      isBegun = true;
    });
  });
  await until(() => begun === streams, { what: "the streams to be under way" });
  const workers = childrenWithout(stack.proxy().pid, "--watcher");
  expect(workers).toHaveLength(1);
  for (const worker of workers) process.kill(worker, "SIGKILL");
  for (const { isWhole, text } of await Promise.all(answers)) {
    expect(isWhole).toBe(false);
    expect(text).toContain("content_block_delta");
  }
  await mock.settled();
  expect(mock.exchanges.filter(({ end }) => end === "broken by client")).toHaveLength(streams);
  // A new worker serves, and the primary has concluded what the dead one left.
  await until(async () => (await ask(stack.proxy().url, key)).isWhole, { what: "a new worker", timeoutMs: 30_000 });
  const unknown = await until(
    async () => {
      const rows = await storedOf(world, "UNKNOWN");
      return rows.length >= streams && rows;
    },
    { what: "the streams to be told of", timeoutMs: 30_000 },
  );
  const boundNanoUsd = String(body.length * 1_000 + outputTokensMax * 5_000);
  expect(unknown.map(({ basis, costNanoUsd }) => ({ basis, costNanoUsd }))).toEqual(
    Array.from({ length: streams }, () => ({ basis: "ESTIMATED", costNanoUsd: boundNanoUsd })),
  );
  expect(unknown.every(({ priceVersion }) => priceVersion !== null)).toBe(true);
  const heads = (await Promise.all(answers)).map(({ requestId }) => requestId);
  expect(unknown.map(({ requestId }) => requestId).sort()).toEqual(heads.sort());
  // Not even a restart of all of it tells of them again.
  await stack.proxy().stop("SIGKILL");
  await stack.proxy().start();
  await until(async () => (await ask(stack.proxy().url, key)).isWhole, { what: "the proxy", timeoutMs: 30_000 });
  await until(async () => (await storedOf(world, "ANSWERED")).length >= before.length + 2, {
    what: "the facts of after",
    timeoutMs: 30_000,
  });
  expect(await storedOf(world, "UNKNOWN")).toHaveLength(streams);
}, 180_000);

test("a fleet is rolled under streams: none is cut, new ones go elsewhere, and all is stored as the provider bills it", async () => {
  // Ten of the balancer's probes.
  const drainDelayMs = 500;
  const world = await open("rolled streams", 2, { TOLLGATE_DRAIN_DELAY_MS: String(drainDelayMs) });
  const { stack, mock, key } = world;
  const portOf = ({ url }: Member): number => Number(new URL(url).port);
  const targets = stack.proxies.map((proxy) => ({ port: portOf(proxy), probeUrl: `${proxy.url}/readyz` }));
  const balancer = resources.use(await startBalancer(targets));
  for (const { port } of targets) await until(() => balancer.givesTo(port), { what: "the balancer" });
  // Two seconds each, which is longer than the balancer takes to notice and the delay together, and shorter than a drain.
  const slow: Reply = {
    ...{ content: [{ type: "text", tokens: 200 }], usage, charsPerEvent: 24 },
    trouble: { chunkDelayMs: 50 },
  };
  const billedBefore = mock.bill().length;
  const [finished, failed]: [string[], string[]] = [[], []];
  let isOver = false;
  const beganMs = performance.now();
  const steps: string[] = [];
  const step = (what: string) => steps.push(`${what} at ${Math.round(performance.now() - beganMs)} ms`);
  mock.queueReplies(...Array.from({ length: 2_000 }, () => slow));
  const callers = Array.from({ length: 8 }, async (_, number) => {
    const agent = number < 5 ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (!isOver) {
      const answer = await ask(balancer.url, key, agent).catch((error: unknown) => String(error));
      if (typeof answer === "string") failed.push(`${answer} at ${Math.round(performance.now() - beganMs)} ms`);
      else if (answer.isWhole) finished.push(answer.requestId);
      else failed.push(answer.text);
    }
    if (agent !== false) agent.destroy();
  });
  await until(() => finished.length >= 8, { what: "the load", timeoutMs: 60_000 });
  for (const member of stack.proxies) {
    step("told to leave");
    expect(await member.stop("SIGTERM"), member.log()).toBe(0);
    step("gone");
    await member.start();
    await until(() => balancer.givesTo(portOf(member)), { what: "the balancer to take it back" });
    step("back");
  }
  isOver = true;
  await Promise.all(callers);
  console.log(`${finished.length} streams while two proxies were rolled, ${failed.length} failed`);
  expect(failed, steps.join(", ")).toEqual([]);
  const rows = await until(
    async () => {
      const found = await storedOf(world, "ANSWERED");
      const ids = new Set(found.map(({ requestId }) => requestId));
      return finished.every((id) => ids.has(id)) && found;
    },
    { what: "the facts to arrive", timeoutMs: 60_000, intervalMs: 200 },
  );
  const ofStreams = rows.filter(({ requestId }) => finished.includes(requestId));
  expect(ofStreams).toHaveLength(finished.length);
  const billed = mock.bill().slice(billedBefore);
  expect(billed).toHaveLength(finished.length);
  const costs = billed.map((charge) => String(charge.usage.inputTokens * 1_000 + charge.usage.outputTokens * 5_000));
  expect(ofStreams.map(({ costNanoUsd }) => costNanoUsd).sort()).toEqual(costs.sort());
  expect(new Set(ofStreams.map(({ basis }) => basis))).toEqual(new Set(["EXACT"]));
}, 240_000);

test("a stream that is longer than a drain is cut when the drain is over, and is paid for", async () => {
  const world = await open("cut streams", 1, { TOLLGATE_DRAIN_SECONDS: "1" });
  const { stack, mock, key } = world;
  mock.queueReplies({ content: [{ type: "text", tokens: 400 }], usage, trouble: { hangAfterEvents: 9 } });
  let isBegun = false;
  const answer = ask(stack.proxy().url, key, false, () => (isBegun = true));
  await until(() => isBegun, { what: "the stream to be under way" });
  expect(await stack.proxy().stop("SIGTERM"), stack.proxy().log()).toBe(0);
  const { isWhole, requestId } = await answer;
  expect(isWhole).toBe(false);
  await mock.settled();
  expect(mock.exchanges.at(-1)?.end).toBe("broken by client");
  await stack.proxy().start();
  const row = await until(
    async () => (await readModelCalls(stack.admin, { keyId: key.id })).find((one) => one.requestId === requestId),
    { what: "its fact", timeoutMs: 30_000 },
  );
  expect([row.outcome, row.basis]).toEqual(["CLIENT_CLOSED", "ESTIMATED"]);
  const charge = mock.bill().at(-1);
  expect(Number(row.costNanoUsd)).toBeGreaterThan((charge?.usage.inputTokens ?? 0) * 1_000);
}, 120_000);
