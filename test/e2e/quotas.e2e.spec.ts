// What budgets and limits say to whoever calls, with a real control plane, proxy, provider and server: what is refused because nobody
// can price or bound it, what clients are told as a budget fills and when it is spent, and the same over MCP. A refusal that does
// not say what to do costs somebody an afternoon; a header that a client does not understand costs him the warning.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey, registerServer, type IssuedKey } from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const held = new AsyncDisposableStack();
let stack: Stack;
let mock: MockProvider;
let teamId: string;
let names = 0;
/** Of each next answer. */
let outputTokens = 10;

beforeAll(async () => {
  const database = held.use(await createDatabase("quotas_e2e"));
  mock = held.use(await startMockProvider({ script: () => ({ usage: { inputTokens: 0, outputTokens } }) }));
  const server = held.use(await startExampleMcp());
  stack = held.use(await startStack({ databaseUrl: database.url }));
  await registerServer(stack.admin, { name: "example", url: server.url });
  await registerProvider(stack.admin, {
    ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
    credentials: [{ name: "first", value: "sk-ant-mock" }],
  });
  ({ id: teamId } = await createTeam(stack.admin, "quotas"));
}, 120_000);
afterAll(() => held.disposeAsync(), 60_000);

async function newKey(): Promise<IssuedKey> {
  return issueKey(stack.admin, { name: `key-${(names += 1)}`, teamId, models: ["anthropic/*"] });
}

async function mutate(kind: "Budget" | "Limit", input: object): Promise<void> {
  const name = `quota-${(names += 1)}`;
  const mutation = `mutation ($input: Create${kind}Input!) { done: create${kind}(input: $input) { __typename ... on Refusal { message } } }`;
  expect(await stack.admin.run(mutation, { input: { name, ...input } })).toEqual({
    done: { __typename: `Create${kind}Succeeded` },
  });
}

async function ask(secret: string, more: object = {}): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(`${stack.proxy().url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({
      ...{ model: "claude-sonnet-4-6", max_tokens: 1_000, messages: [{ role: "user", content: "Hello" }] },
      ...more,
    }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function untilRefused(secret: string, code: string, more: object): Promise<string> {
  return until(
    async () => {
      const { headers, text } = await ask(secret, more);
      return headers.get("x-tollgate-code") === code ? text : undefined;
    },
    { what: `a refusal as ${code}`, timeoutMs: 30_000 },
  );
}

test("a model without a price is refused under a hard budget, and says what to do; not under a soft one", async () => {
  const [hard, soft] = [await newKey(), await newKey()];
  await mutate("Budget", { scope: { keyId: hard.id }, limit: "10", period: "DAY" });
  await mutate("Budget", { scope: { keyId: soft.id }, limit: "10", period: "DAY", hard: false });
  const text = await untilRefused(hard.secret, "budget.unpriced", { model: "anthropic/never-heard-of" });
  expect(text).toContain("has no price");
  expect((await ask(soft.secret, { model: "anthropic/never-heard-of" })).status).toBe(200);
});

test("what has no bound is refused under a hard budget, and served with an allowance for it", async () => {
  const [without, having] = [await newKey(), await newKey()];
  const tools = [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }];
  await mutate("Budget", { scope: { keyId: without.id }, limit: "10", period: "DAY" });
  const allow = [{ feature: "WEB_SEARCH", amount: "0.5" }];
  await mutate("Budget", { scope: { keyId: having.id }, limit: "10", period: "DAY", allow });
  await untilRefused(without.secret, "budget.unbounded", { tools });
  await until(async () => (await ask(having.secret, { tools })).headers.has("anthropic-ratelimit-unified-status"), {
    what: "a call with its allowance",
  });
});

test("Anthropic's clients are warned as a budget fills, told when it is spent, and shown what they used", async () => {
  const { id, secret } = await newKey();
  // Three hundred tokens of output are nearly half a cent.
  await mutate("Budget", { scope: { keyId: id }, limit: "0.1", period: "DAY", reservation: "FULL" });
  outputTokens = 300;
  const status = async (): Promise<string | null> =>
    (await ask(secret, { max_tokens: 300 })).headers.get("anthropic-ratelimit-unified-status");
  await until(async () => (await status()) === "allowed", { what: "the budget to be known" });
  await until(async () => (await status()) === "allowed_warning", { what: "a warning past 75 %" });
  const refused = await until(
    async () => {
      const answer = await ask(secret);
      return answer.status === 429 && answer.text.includes("billing_error") ? answer : undefined;
    },
    { what: "the budget to be spent" },
  );
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-overage-disabled-reason": "org_spend_cap_reached",
    "anthropic-ratelimit-unified-overage-period": "daily",
    "x-should-retry": "false",
  });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  const usage = await fetch(`${stack.proxy().url}/anthropic/api/oauth/usage`, { headers: { "x-api-key": secret } });
  expect(await usage.json()).toMatchObject({ extra_usage: { monthly_limit: 10, currency: "USD" } });
  outputTokens = 10;
});

test("a budget of a team holds for all of its keys", async () => {
  const { id: otherTeam } = await createTeam(stack.admin, "spenders");
  const secrets: string[] = [];
  for (let n = 0; n < 2; n += 1) {
    const issued = await issueKey(stack.admin, { name: `member-${n}`, teamId: otherTeam, models: ["anthropic/*"] });
    secrets.push(issued.secret);
  }
  await mutate("Budget", { scope: { teamId: otherTeam }, limit: "0.03", period: "TOTAL", reservation: "FULL" });
  outputTokens = 900;
  const [first = "", second = ""] = secrets;
  await until(async () => (await ask(first)).text.includes("billing_error"), { what: "one key to spend it" });
  expect((await ask(second)).text).toContain("billing_error");
  outputTokens = 10;
});

type Result = { isError?: boolean; content: { text: string }[]; _meta?: object };

async function callTool(secret: string): Promise<Result> {
  const { headers, body } = mcpRequest("tools/call", { name: "example__echo", arguments: { text: "x" } });
  const authorization = `Bearer ${secret}`;
  const response = await fetch(`${stack.proxy().url}/mcp`, {
    method: "POST",
    headers: { ...headers, authorization },
    body,
  });
  // As the protocol has it; what is missing fails where it is looked at.
  const { result } = (await response.json()) as { result?: Result };
  return result ?? { content: [] };
}

test("over MCP a limit answers a call of a tool with a result that a model can read, and counts nothing else", async () => {
  const { id, secret } = await newKey();
  await mutate("Limit", {
    ...{ scope: { keyId: id }, measure: "REQUESTS", amount: "3", window: "HOUR" },
    tools: ["example/echo"],
  });
  const refused = await until(
    async () => {
      const result = await callTool(secret);
      return result.isError === true ? result : undefined;
    },
    { what: "the limit to be reached" },
  );
  expect(refused.content[0]?.text).toContain("limit");
  expect(refused._meta).toMatchObject({ "tollgate/code": "limit.reached", "tollgate/limit": 3 });
  expect((await ask(secret)).status).toBe(200);
});

async function readCallUsage(keyId: string): Promise<{ calls: string; costUsd: string }> {
  const { callUsage } = await stack.admin.run<{ callUsage: { nodes: { calls: string; costUsd: string }[] } }>(
    "query ($keyId: ID!) { callUsage(filter: { keyId: $keyId }) { nodes { calls costUsd } } }",
    { keyId },
  );
  return callUsage.nodes[0] ?? { calls: "0", costUsd: "0" };
}

async function readBudgets(keyId: string): Promise<{ usage: { spent: string } | null }[]> {
  const { budgets } = await stack.admin.run<{ budgets: { nodes: { usage: { spent: string } | null }[] } }>(
    "query ($keyId: ID!) { budgets(filter: { scope: { keyId: $keyId } }) { nodes { usage { spent } } } }",
    { keyId },
  );
  return budgets.nodes;
}

test("calls of a tool are charged its price", async () => {
  const { id, secret } = await newKey();
  const toolPrices = [{ tool: "example/echo", perCall: "0.01" }];
  const priced = await stack.admin.run(
    "mutation ($input: SetPricesInput!) { done: setPrices(input: $input) { __typename ... on Refusal { message } } }",
    { input: { prices: [], toolPrices } },
  );
  expect(priced).toEqual({ done: { __typename: "SetPricesSucceeded" } });
  await mutate("Budget", { scope: { keyId: id }, limit: "0.05", period: "TOTAL" });
  await mutate("Budget", { scope: { keyId: id }, limit: "1", period: "TOTAL", hard: false });
  let served = 0;
  const refused = await until(
    async () => {
      const result = await callTool(secret);
      if (result.isError !== true) served += 1;
      return result.isError === true ? result : undefined;
    },
    { what: "the budget to be spent" },
  );
  expect(refused._meta).toMatchObject({ "tollgate/code": "budget.spent" });
  // The price may have come after the first.
  expect(served).toBeGreaterThanOrEqual(5);
  await until(async () => (await readCallUsage(id)).calls === String(served), { what: "the facts of all calls" });
  const { costUsd } = await readCallUsage(id);
  // What the hard budget lent is in it once, and not once more by the facts; a soft one has nothing but them.
  await until(
    async () => {
      const budgets = await readBudgets(id);
      return budgets.length === 2 && budgets.every(({ usage }) => usage?.spent === costUsd);
    },
    { what: `both budgets to have spent ${costUsd}` },
  );
  expect(Number(costUsd)).toBeGreaterThanOrEqual(0.05);
});
