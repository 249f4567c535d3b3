// Thresholds of a soft budget with real processes: two control planes, one of them restarted, and a proxy that only sends facts.
// Nothing else warns of a soft budget, and who is called at night by a threshold is called once.

import { openDatabase } from "@tollgate/api/database";
import { expect, test } from "vitest";
import { startMockProvider } from "../../infra/mock-provider/provider.ts";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { createBudget } from "../support/quota-operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

/** 300,000 tokens are $4.50, which is 90 % of the limit. */
const [limit, outputTokens, model] = ["5", 300_000, "claude-sonnet-4-6"];

type Reached = { percent: number; spent: string };

async function reached({ admin }: Stack, id: string): Promise<Reached[]> {
  const { budget } = await admin.run<{ budget: { reached: Reached[] } }>(
    "query ($id: ID!) { budget(id: $id) { reached { percent spent } } }",
    { id },
  );
  return budget.reached;
}

/** How many events each threshold has in the log. */
async function readSaid(url: string, id: string): Promise<number[]> {
  const database = await openDatabase({ url });
  try {
    const rows = await database.sql.query<{ count: bigint }>(
      "SELECT count(*) AS count FROM log.event WHERE starts_with(stream, $1) GROUP BY stream ORDER BY stream",
      [`budget-threshold/${id}.`],
    );
    return rows.map(({ count }) => Number(count));
  } finally {
    await database.close();
  }
}

async function ask(stack: Stack, secret: string): Promise<number> {
  const response = await fetch(`${stack.proxy().url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model, max_tokens: 1_000, messages: [{ role: "user", content: "Hello" }] }),
  });
  await response.arrayBuffer();
  return response.status;
}

test(
  "a soft budget's thresholds are said once, by two control planes and after a restart",
  { timeout: 120_000 },
  async () => {
    await using resources = new AsyncDisposableStack();
    const database = resources.use(await createDatabase("thresholds_e2e"));
    const mock = resources.use(await startMockProvider({ script: () => ({ usage: { outputTokens } }) }));
    const stack = resources.use(await startStack({ databaseUrl: database.url, hasSecondControl: true }));
    const { admin } = stack;
    await registerProvider(admin, {
      ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
      credentials: [{ name: "first", value: "sk-ant-mock" }],
    });
    const { id: teamId } = await createTeam(admin, "soft");
    const { secret } = await issueKey(admin, { name: "agent", teamId, models: ["anthropic/*"] });
    const { id } = await createBudget(admin, { name: "soft", scope: { teamId }, limit, period: "TOTAL", hard: false });

    await until(async () => (await ask(stack, secret)) === 200, { what: "a call to be served" });
    const first = await until(async () => (await reached(stack, id)).length === 3 && (await reached(stack, id)), {
      what: "the thresholds up to 90 %",
    });
    expect(first.map(({ percent }) => percent)).toEqual([50, 75, 90]);
    expect(Number(first[0]?.spent)).toBeGreaterThanOrEqual(4.5);

    await stack.control.stop("SIGKILL");
    await stack.control.start();
    expect(await ask(stack, secret)).toBe(200);
    const all = await until(async () => (await reached(stack, id)).length > 3 && (await reached(stack, id)), {
      what: "the last threshold",
    });
    expect(all.slice(0, 3)).toEqual(first);
    expect(all.map(({ percent }) => percent)).toEqual([50, 75, 90, 100]);
    // Of each a stream of its own, with one event: what is said twice would be a second one.
    const said = await readSaid(database.url, id);
    expect(said).toEqual(all.map(() => 1));
  },
);
