// The procedure of the README for a restored database and a lost disk, step by step with real processes: who waits for whom is to
// be seen, one mutation ends it, and an override opens what it closed. Without it a gate whose proxy burnt stays shut.

import { afterEach, expect, test } from "vitest";
import { startMockProvider } from "../../infra/mock-provider/provider.ts";
import { takeBackup } from "../support/backup.ts";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
}, 60_000);

type Standing = {
  ledger: { isFrozen: boolean };
  ledgerProxies: { nodes: { id: string; isConnected: boolean; hasRestated: boolean; lastHeardAt: string | null }[] };
};

const readStanding = ({ admin }: Stack): Promise<Standing> =>
  admin.run("{ ledger { isFrozen } ledgerProxies { nodes { id isConnected hasRestated lastHeardAt } } }");

async function mutate({ admin }: Stack, name: string, input: object, fields: string): Promise<Record<string, unknown>> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const { done } = await admin.run<{ done: Record<string, unknown> }>(
    `mutation ($input: ${type}Input!) { done: ${name}(input: $input) {
       __typename ... on ${type}Succeeded { ${fields} } ... on Refusal { message } } }`,
    { input },
  );
  return done;
}

async function statusOf(proxy: Member, secret: string): Promise<number> {
  const response = await fetch(`${proxy.url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({
      ...{ model: "claude-sonnet-4-6", max_tokens: 1_000, messages: [{ role: "user", content: "Hello" }] },
    }),
  });
  await response.arrayBuffer();
  return response.status;
}

const served = (proxy: Member, secret: string, what: string) =>
  until(async () => (await statusOf(proxy, secret)) === 200, { what, timeoutMs: 30_000 });

test(
  "after a restore, with a proxy whose disk is lost: seen, written off, and open again by an override",
  { timeout: 180_000 },
  async () => {
    const database = resources.use(await createDatabase("write_off_e2e"));
    const mock = resources.use(await startMockProvider({ script: () => ({ usage: { outputTokens: 10 } }) }));
    const stack = resources.use(await startStack({ databaseUrl: database.url, proxies: 2 }));
    await registerProvider(stack.admin, {
      ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
      credentials: [{ name: "first", value: "sk-ant-mock" }],
    });
    const { id: teamId } = await createTeam(stack.admin, "burnt");
    const { id: keyId, secret } = await issueKey(stack.admin, { name: "agent", teamId, models: ["anthropic/*"] });
    const made = await mutate(
      stack,
      "createBudget",
      { name: "agent", scope: { keyId }, limit: "10", period: "TOTAL", reservation: "FULL" },
      "budget { id }",
    );
    const { id: budgetId } = made["budget"] as { id: string };
    const [staying, burning] = [stack.proxy(0), stack.proxy(1)];
    for (const proxy of [staying, burning]) await served(proxy, secret, "a proxy to serve under the budget");

    await stack.control.stop();
    const putBack = await takeBackup(database);
    await stack.control.start();
    for (const proxy of [staying, burning]) await served(proxy, secret, "a proxy to serve after the backup");
    await burning.stop("SIGKILL");
    await stack.control.stop();
    await putBack();
    await stack.control.start({ env: { TOLLGATE_INCARNATION: "2" } });

    const [missing] = await until(
      async () => {
        // Whoever is there is asked for more, and hears that he has to restate what he has.
        await statusOf(staying, secret);
        const { ledger, ledgerProxies } = await readStanding(stack);
        const waitedFor = ledgerProxies.nodes.filter(({ hasRestated }) => !hasRestated);
        return ledger.isFrozen && waitedFor.length === 1 && !waitedFor[0]?.isConnected ? waitedFor : undefined;
      },
      { what: "all but the burnt one to have restated", timeoutMs: 60_000 },
    );
    const there = (await readStanding(stack)).ledgerProxies.nodes.find(({ hasRestated }) => hasRestated);
    const proxyIdOf = { there: there?.id ?? "", burnt: missing?.id ?? "" };
    const slip = { proxyId: proxyIdOf.there, reason: "the wrong one" };
    expect(await mutate(stack, "writeOffProxy", slip, "position")).toMatchObject({ __typename: "ProxyConnected" });

    const reason = "the machine burnt down";
    const done = await mutate(stack, "writeOffProxy", { proxyId: proxyIdOf.burnt, reason }, "writeOff { presumed }");
    const { presumed } = done["writeOff"] as { presumed: string };
    expect(Number(presumed)).toBeGreaterThan(5);
    expect((await readStanding(stack)).ledger.isFrozen).toBe(false);
    await until(async () => (await statusOf(staying, secret)) === 429, {
      what: "the budget to be spent by presumption",
    });

    const until2100 = "2100-01-01T00:00:00Z";
    const override = { id: budgetId, amount: "5", until: until2100, reason: "after the fire" };
    expect(await mutate(stack, "addBudgetOverride", override, "budget { limitInForce }")).toMatchObject({
      budget: { limitInForce: "15" },
    });
    await served(staying, secret, "the budget to be open again");
  },
);
