// Four proxies, a control plane and a PostgreSQL that are there to be killed, before a mock provider whose own bill is what counts.
// A spender is a key of a team with a hard budget of ten dollars, which is there before the key is, so that no proxy ever serves
// the key without it. It judges nothing.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@tollgate/api/database";
import { compareAll, type Difference } from "@tollgate/api/ledger/rebuild";
import { parseUsd } from "@tollgate/kernel/money";
import { costOf } from "@tollgate/kernel/pricing";
import { priceFor } from "@tollgate/kernel/tariff";
import { startPostgres, type LocalPostgres } from "@tollgate/local/postgres";
import { ProviderKind } from "@tollgate/schema/resources";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { freePort } from "../support/ports.ts";
import { createBudget, readBudgetUsage } from "../support/quota-operations.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

export const nanoPerUsd = 1_000_000_000n;
export const limit = 10n * nanoPerUsd;
/** A twentieth, where nothing is said of it. */
export const exposureMax = limit / 20n;
const model = "claude-sonnet-4-6";
const proxies = 4;

export interface BudgetWorld extends AsyncDisposable {
  readonly stack: Stack;
  readonly mock: MockProvider;
  /** And starts it again, as whoever watches over it does. */
  killPostgres(): Promise<void>;
  newSpender(reservation: Reservation): Promise<Spender>;
  /** Of all accounts: where the balance is not what the journal says. */
  differences(): Promise<Difference[]>;
}

export type Reservation = "FULL" | "RUNNING";

export interface Spender {
  readonly secret: string;
  readonly budgetId: string;
  /** Of the provider, by the shipped prices; others' calls have to be over before. */
  billed(): bigint;
  /** Of the ledger. */
  charged(): Promise<bigint>;
}

export interface Body {
  /** Of the mock, by its name. */
  readonly reply: string;
  readonly max_tokens: number;
  readonly stream?: boolean;
  /** After so long the client goes. */
  readonly hangUpMs?: number;
}

export async function openBudgetWorld(): Promise<BudgetWorld> {
  await using opened = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "tollgate-budget-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const options = { dataDir, port: await freePort(), onLog: () => undefined, durable: true };
  let postgres: LocalPostgres = await startPostgres(options);
  opened.defer(() => postgres.stop());
  const databaseUrl = postgres.url("tollgate");
  const mock = opened.use(await startMockProvider({ recordedBytesMax: 0 }));
  mock.nameReply("least", { usage: { outputTokens: 1 } });
  const stack = opened.use(await startStack({ databaseUrl, proxies }));
  await registerProvider(stack.admin, {
    ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
    credentials: [{ name: "first", value: "sk-ant-mock" }],
  });
  let spenders = 0;
  const kept = opened.move();
  return {
    ...{ stack, mock },
    async killPostgres() {
      await postgres.kill();
      postgres = await startPostgres(options);
    },
    async newSpender(reservation) {
      spenders += 1;
      const name = `spender-${spenders}`;
      const { id: teamId } = await createTeam(stack.admin, name);
      const budget = { name, scope: { teamId }, limit: "10", period: "TOTAL", reservation } as const;
      const { id: budgetId } = await createBudget(stack.admin, budget);
      const { secret } = await issueKey(stack.admin, { name, teamId, models: ["anthropic/*"] });
      const before = mock.bill().length;
      for (const proxy of stack.proxies) await untilServed(proxy, secret);
      return {
        ...{ secret, budgetId },
        billed: () => billOf(mock, before),
        charged: async () => parseUsd((await readBudgetUsage(stack.admin, budgetId))?.spent ?? "") ?? -1n,
      };
    },
    differences: () => differencesIn(databaseUrl),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** One call of the cheapest, so that each proxy knows the key before the clock of a test starts. */
async function untilServed(proxy: Member, secret: string): Promise<void> {
  const least = { reply: "least", max_tokens: 1 };
  await until(async () => (await send(proxy, secret, least)).status === 200, { what: "a proxy to serve" });
}

export async function send(
  proxy: Member,
  secret: string,
  { reply, hangUpMs, ...more }: Body,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${proxy.url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: `[[reply:${reply}]]` }], ...more }),
    ...(hangUpMs === undefined ? {} : { signal: AbortSignal.timeout(hangUpMs) }),
  });
  return { status: response.status, text: await response.text() };
}

function billOf(mock: MockProvider, from: number): bigint {
  return mock
    .bill()
    .slice(from)
    .reduce((sum, { model: of, usage }) => {
      const priced = priceFor(undefined, { name: "anthropic", kind: ProviderKind.ANTHROPIC }, of, usage.serviceTier);
      if (priced === undefined) throw new Error(`${of} has no price`);
      return sum + costOf(priced.price, usage);
    }, 0n);
}

async function differencesIn(databaseUrl: string): Promise<Difference[]> {
  const database = await openDatabase({ url: databaseUrl });
  try {
    return await compareAll(database);
  } finally {
    await database.close();
  }
}
