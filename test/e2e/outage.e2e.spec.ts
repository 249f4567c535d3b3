// A proxy does not need the control plane to serve. While it is away calls go on by the last view, their facts wait in the
// spool, and all of them arrive once it is back, each once. A proxy that is killed in the middle of a thousand calls
// loses none that a client saw finished: an audit with holes in the shape of crashes is no audit.

import { afterEach, describe, expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import { callTool, createTeam, issueKey, readCalls, registerServer, type IssuedKey } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

async function open(name: string, kafkaBrokers?: string): Promise<{ stack: Stack; key: IssuedKey }> {
  const database = resources.use(await createDatabase(name));
  const upstream = resources.use(await startExampleMcp());
  const stack = resources.use(
    await startStack({ databaseUrl: database.url, ...(kafkaBrokers === undefined ? {} : { kafkaBrokers }) }),
  );
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const team = await createTeam(stack.admin, "platform");
  const key = await issueKey(stack.admin, { name: "agent", teamId: team.id });
  await until(async () => (await callTool(stack.proxy().url, key.secret, "example__echo")).hasResult, {
    what: "the key to work",
  });
  return { stack, key };
}

/** Request ids of the calls that were answered. */
async function call(stack: Stack, key: IssuedKey, count: number, concurrency: number): Promise<Set<string>> {
  const finished = new Set<string>();
  let left = count;
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      try {
        const { hasResult, requestId } = await callTool(stack.proxy().url, key.secret, "example__echo", { left });
        if (hasResult && requestId !== null) finished.add(requestId);
      } catch {
        // The proxy died under this call: its client saw no end.
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return finished;
}

async function expectAllStored(stack: Stack, key: IssuedKey, finished: ReadonlySet<string>): Promise<void> {
  const rows = await until(
    async () => {
      const found = await readCalls(stack.admin, { keyId: key.id, outcome: "ANSWERED" });
      const ids = new Set(found.map(({ requestId }) => requestId));
      return [...finished].every((id) => ids.has(id)) && found;
    },
    { what: `${finished.size} finished calls to arrive`, timeoutMs: 60_000, intervalMs: 200 },
  );
  expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(rows.length);
}

describe("the control plane goes away", () => {
  test("calls are served, their facts wait and arrive", { timeout: 120_000 }, async () => {
    const { stack, key } = await open("outage");
    await stack.control.stop("SIGKILL");
    const finished = await call(stack, key, 200, 8);
    expect(finished.size).toBe(200);
    await stack.control.start();
    await expectAllStored(stack, key, finished);
  });
});

describe("a proxy is killed in the middle of 1,000 calls", () => {
  test("over gRPC: finished calls arrive, none twice", { timeout: 180_000 }, async () => {
    const { stack, key } = await open("proxy kill");
    await killInTheMiddle(stack, key);
  });
});

describeWith(
  await kafkaAvailability("own"),
  "a proxy is killed in the middle of 1,000 calls, facts over Kafka and gRPC mixed",
  () => {
    test(
      "the broker dies, too, so that facts change their way: finished calls arrive, none twice",
      { timeout: 180_000 },
      async () => {
        const broker = resources.use(await startBroker());
        const { stack, key } = await open("proxy kill kafka", broker.brokers);
        const before = await call(stack, key, 100, 8);
        await broker.kill();
        const during = await killInTheMiddle(stack, key);
        await broker.start();
        const after = await call(stack, key, 100, 8);
        await expectAllStored(stack, key, new Set([...before, ...during, ...after]));
      },
    );
  },
);

async function killInTheMiddle(stack: Stack, key: IssuedKey): Promise<ReadonlySet<string>> {
  const running = call(stack, key, 1_000, 16);
  await until(async () => (await readCalls(stack.admin, { keyId: key.id })).length > 150, {
    what: "the calls to be under way",
    timeoutMs: 60_000,
    intervalMs: 5,
  });
  await stack.proxy().stop("SIGKILL");
  const finished = await running;
  await stack.proxy().start();
  expect(finished.size).toBeGreaterThan(100);
  await expectAllStored(stack, key, finished);
  return finished;
}
