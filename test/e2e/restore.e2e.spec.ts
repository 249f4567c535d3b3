// The database is restored from a backup that lacks the last events. Proxies have applied them: without a new incarnation, a
// key that is revoked afterwards at a position that they have seen would go on working, for ever and unseen. The control plane
// finds out, by the topic or by its proxies, says what to set, and with that everybody converges.

import { afterEach, describe, expect, test } from "vitest";
import { takeBackup } from "../support/backup.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import { callTool, createTeam, issueKey, readFleet, registerServer, revokeKey } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

/** A backup is taken, three keys are issued after it, and the backup takes the database's place. The control plane is down. */
async function restored(kafkaBrokers?: string): Promise<{ stack: Stack; before: Key; after: Key }> {
  const database = resources.use(await createDatabase("restored"));
  const upstream = resources.use(await startExampleMcp());
  const kafka = kafkaBrokers === undefined ? {} : { kafkaBrokers };
  const stack = resources.use(await startStack({ databaseUrl: database.url, ...kafka }));
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(stack.admin, "platform");
  const before = await issueKey(stack.admin, { name: "before", teamId });
  await stack.control.stop();
  const putBack = await takeBackup(database);
  await stack.control.start();
  let after = before;
  for (const name of ["after-1", "after-2", "after-3"]) after = await issueKey(stack.admin, { name, teamId });
  for (const key of [before, after]) await works(stack, key);
  await stack.control.stop();
  await putBack();
  return { stack, before, after };
}

type Key = Awaited<ReturnType<typeof issueKey>>;

const statusOf = async (stack: Stack, key: Key) =>
  (await callTool(stack.proxy().url, key.secret, "example__echo")).status;

function works(stack: Stack, key: Key): Promise<unknown> {
  return until(async () => (await callTool(stack.proxy().url, key.secret, "example__echo")).hasResult, {
    what: "the key to work",
  });
}

async function heals(stack: Stack, before: Key, after: Key): Promise<void> {
  await stack.control.start({ env: { TOLLGATE_INCARNATION: "2" } });
  // What the restored database does not know is nobody's key any more.
  await until(async () => (await statusOf(stack, after)) === 401, {
    what: "the lost key to be refused",
    timeoutMs: 20_000,
  });
  expect(await statusOf(stack, before)).toBe(200);
  const { position } = await revokeKey(stack.admin, before.id);
  expect(BigInt(position)).toBeLessThanOrEqual(BigInt(after.position));
  await until(async () => (await statusOf(stack, before)) === 401, { what: "the refusal", timeoutMs: 5_000 });
  await until(async () => (await readFleet(stack.admin)).every(({ applied }) => BigInt(applied) >= BigInt(position)), {
    what: "the fleet to follow",
  });
}

describe("without Kafka", () => {
  test(
    "the proxies are the witnesses: told as an error until the incarnation is raised, then all converge",
    { timeout: 120_000 },
    async () => {
      const { stack, before, after } = await restored();
      process.kill(stack.proxy().pid, "SIGSTOP");
      await stack.control.start();
      process.kill(stack.proxy().pid, "SIGCONT");
      await until(() => /proxy \S+ has applied .*TOLLGATE_INCARNATION=2/.test(stack.control.log()), {
        ...{ what: "the control plane to find out", timeoutMs: 20_000 },
      });
      // One proxy's word takes nobody out of a balancer.
      expect((await fetch(`${stack.control.url}/readyz`)).status).toBe(200);
      // Meanwhile the proxy keeps what it has: it follows no log that is behind.
      expect(await statusOf(stack, after)).toBe(200);
      await stack.control.stop();
      await heals(stack, before, after);
    },
  );
});

describeWith(await kafkaAvailability("own"), "with Kafka", () => {
  test(
    "the topic is the witness: no start until the incarnation is raised, then all converge",
    { timeout: 120_000 },
    async () => {
      const broker = resources.use(await startBroker());
      const { stack, before, after } = await restored(broker.brokers);
      await expect(stack.control.start()).rejects.toThrow(
        /cannot start: The topic gateway.events .*TOLLGATE_INCARNATION=2/s,
      );
      expect(await statusOf(stack, after)).toBe(200);
      await stack.control.stop();
      await heals(stack, before, after);
    },
  );
});
