// The database is restored from a backup, and with it the ledger: what was lent and spent since is not in it. Were anything lent
// before every proxy has said what it had, or were a former boot left out, a budget would be spent a second time by as much. So
// three boots of a proxy spend and are killed, and what is left afterwards is compared with the provider's bill, to the
// nano-dollar; and a proxy whose directory is gone or is a copy has to be written off first.

import { cpSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openDatabase, type Database } from "@tollgate/api/database";
import { ledgerState, missing } from "@tollgate/api/ledger/freeze";
import { compareAll } from "@tollgate/api/ledger/rebuild";
import { readAccounts } from "@tollgate/api/ledger/rows";
import { room, spent, type Account } from "@tollgate/kernel/lending/account";
import { costOf } from "@tollgate/kernel/pricing";
import { priceFor } from "@tollgate/kernel/tariff";
import { ProviderKind } from "@tollgate/schema/resources";
import { afterEach, expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import { takeBackup } from "../support/backup.ts";
import { createDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey } from "../support/operations.ts";
import { createBudget } from "../support/quota-operations.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const limit = 1_000_000_000n;
const raised = { env: { TOLLGATE_INCARNATION: "2" } };

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
}, 60_000);

type World = {
  readonly stack: Stack;
  readonly proxy: Member;
  readonly mock: MockProvider;
  readonly secret: string;
  /** For as long as the function lasts: who restores a database throws everybody out of it. */
  look<T>(read: (database: Database) => Promise<T>): Promise<T>;
};

/** A boot ends before the backup, two after it, and none of them with grace. The control plane and the proxy are down. */
async function spendAndRestore(): Promise<World> {
  const server = resources.use(await createDatabase("restored_ledger"));
  let outputTokens = 0;
  const mock = resources.use(
    await startMockProvider({ script: () => ({ usage: { outputTokens: (outputTokens += 97) } }) }),
  );
  const env = { TOLLGATE_JOIN_TOKEN_USES_MAX: "3" };
  const stack = resources.use(await startStack({ databaseUrl: server.url, env }));
  await registerProvider(stack.admin, {
    ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
    credentials: [{ name: "first", value: "sk-ant-mock" }],
  });
  const { id: teamId } = await createTeam(stack.admin, "restored");
  const { id: keyId, secret } = await issueKey(stack.admin, { name: "agent", teamId, models: ["anthropic/*"] });
  await createBudget(stack.admin, {
    name: "agent",
    scope: { keyId },
    limit: "1",
    period: "TOTAL",
    reservation: "FULL",
  });
  const world: World = {
    ...{ stack, proxy: stack.proxy(), mock, secret },
    async look(read) {
      const database = await openDatabase({ url: server.url });
      try {
        return await read(database);
      } finally {
        await database.close();
      }
    },
  };
  await spendInOneBoot(world);
  await stack.control.stop();
  const putBack = await takeBackup(server);
  await stack.control.start();
  await world.proxy.start();
  await spendInOneBoot(world);
  await world.proxy.start();
  await spendInOneBoot(world);
  await stack.control.stop();
  await putBack();
  return world;
}

/** Until the ledger knows what it spent, so that it is known here, too. */
async function spendInOneBoot(world: World): Promise<void> {
  await until(async () => (await ask(world)).headers.has("anthropic-ratelimit-unified-status"), {
    what: "a call that is charged to the budget",
  });
  for (let call = 0; call < 3; call += 1) expect((await ask(world)).status).toBe(200);
  await until(async () => spent(await accountOf(world)) === billed(world), { what: "the ledger to know the bill" });
  await world.proxy.stop("SIGKILL");
}

async function ask({ proxy, secret }: World): Promise<Response> {
  const response = await fetch(`${proxy.url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({
      model: "claude-sonnet-4-6",
      max_tokens: 2_000,
      messages: [{ role: "user", content: "Hi" }],
    }),
  });
  await response.arrayBuffer();
  return response;
}

/** Of the provider, by the shipped prices. */
function billed({ mock }: World): bigint {
  return mock.bill().reduce((sum, { model, usage }) => {
    const provider = { name: "anthropic", kind: ProviderKind.ANTHROPIC };
    const priced = priceFor(undefined, provider, model, usage.serviceTier);
    if (priced === undefined) throw new Error(`${model} has no price`);
    return sum + costOf(priced.price, usage);
  }, 0n);
}

async function accountOf({ look }: World): Promise<Account> {
  return look(async ({ sql }) => {
    const rows = await sql.query<{ subject: string }>(
      "SELECT subject FROM ledger.account WHERE subject LIKE 'budget/%'",
    );
    const [account] = await readAccounts(
      sql,
      rows.map(({ subject }) => subject),
    );
    if (account === undefined) throw new Error("the budget has no account");
    return account.state;
  });
}

const isFrozen = ({ look }: World): Promise<boolean> => look(async ({ sql }) => (await ledgerState(sql)).isFrozen);

function idIn({ dataDir }: Member): string {
  const kept: unknown = JSON.parse(readFileSync(join(dataDir, "proxy", "proxy.json"), "utf8"));
  return kept !== null && typeof kept === "object" && "proxyId" in kept ? String(kept.proxyId) : "";
}

async function isRefusedUntilWrittenOff(world: World, proxyId: string): Promise<void> {
  expect((await ask(world)).status).toBe(429);
  expect(await isFrozen(world)).toBe(true);
  expect(await world.look(({ sql }) => missing(sql, 2))).toEqual([proxyId]);
  // By force: as a copy it is there, and was heard of a moment ago.
  const input = { proxyId, reason: "its disk is lost", force: true };
  const mutation = "mutation ($input: WriteOffProxyInput!) { writeOffProxy(input: $input) { __typename } }";
  expect(await world.stack.admin.run(mutation, { input })).toEqual({
    writeOffProxy: { __typename: "WriteOffProxySucceeded" },
  });
  expect(await isFrozen(world)).toBe(false);
  // Nobody knows what it had: all that was left may have been lent to it.
  expect(room(await accountOf(world))).toBe(0n);
  expect((await ask(world)).status).toBe(429);
  expect(billed(world)).toBeLessThanOrEqual(limit);
  expect(await world.look(compareAll)).toEqual([]);
}

test(
  "a proxy on the directory of its former boots speaks for all of them, and what is left is the limit less the bill",
  { timeout: 240_000 },
  async () => {
    const world = await spendAndRestore();
    await world.stack.control.start(raised);
    expect(await isFrozen(world)).toBe(true);
    await world.proxy.start();
    await until(async () => !(await isFrozen(world)), { what: "the ledger to lend again", timeoutMs: 20_000 });
    expect(room(await accountOf(world))).toBe(limit - billed(world));
    expect((await ask(world)).status).toBe(200);
    await until(async () => spent(await accountOf(world)) === billed(world), { what: "the ledger to know the bill" });
    expect(await world.look(compareAll)).toEqual([]);
  },
);

test(
  "a lost directory says nothing: nothing is lent until the proxy is written off",
  { timeout: 240_000 },
  async () => {
    const world = await spendAndRestore();
    const lost = idIn(world.proxy);
    rmSync(world.proxy.dataDir, { recursive: true });
    await world.stack.control.start(raised);
    await world.proxy.start();
    // The new one has restated, which is nothing.
    await until(async () => !(await world.look(({ sql }) => missing(sql, 2))).includes(idIn(world.proxy)), {
      what: "the new proxy to be heard",
    });
    await isRefusedUntilWrittenOff(world, lost);
  },
);

test("nor does a copy of the directory, also after it was started once more", { timeout: 240_000 }, async () => {
  const world = await spendAndRestore();
  const { dataDir } = world.proxy;
  renameSync(dataDir, `${dataDir}-original`);
  cpSync(`${dataDir}-original`, dataDir, { recursive: true, preserveTimestamps: true });
  await world.stack.control.start(raised);
  for (let boot = 0; boot < 2; boot += 1) {
    await world.proxy.start();
    await until(() => world.proxy.log().split("until it is written off").length > boot + 1, {
      what: "the proxy to say that it cannot speak for all",
    });
    if (boot === 0) await world.proxy.stop("SIGKILL");
  }
  await isRefusedUntilWrittenOff(world, idIn(world.proxy));
});
