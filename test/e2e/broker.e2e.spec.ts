// The broker and the relay are killed while admins write. Two proxies must end with the very same state, the state of the
// log, with nothing lost and nothing applied twice; and a configuration of several resources is seen whole or not at all.
// Proxies that disagree about who may call are a gate with two doors.

import { openDatabase } from "@tollgate/api/database";
import { head, readLog } from "@tollgate/api/log/read";
import { recordOf } from "@tollgate/api/sync/records";
import { apply, digest, empty } from "@tollgate/kernel/replica";
import { afterEach, expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import { createTeam, issueKey, readFleet, revokeKey } from "../support/operations.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

describeWith(await kafkaAvailability("own"), "kills during writes", () => {
  test(
    "the broker, then the relay with its whole control plane: both proxies end as the log",
    { timeout: 240_000 },
    async () => {
      const broker = resources.use(await startBroker());
      const database = resources.use(await createDatabase("broker kills"));
      const stack = resources.use(
        await startStack({ databaseUrl: database.url, kafkaBrokers: broker.brokers, proxies: 2 }),
      );
      const { id: teamId } = await createTeam(stack.admin, "platform");
      await writeKeys(stack, teamId, "before", 20);
      const duringBroker = writeKeys(stack, teamId, "broker", 60);
      await broker.kill();
      await broker.start();
      await duringBroker;
      const duringRelay = writeKeys(stack, teamId, "relay", 60);
      await stack.control.stop("SIGKILL");
      await stack.control.start();
      await duringRelay;
      await expectFleetIsTheLog(stack, database.url);
    },
  );

  test("a configuration of many resources is seen whole or not at all", { timeout: 120_000 }, async () => {
    const broker = resources.use(await startBroker());
    const upstream = resources.use(await startExampleMcp());
    const database = resources.use(await createDatabase("whole commits"));
    const stack = resources.use(await startStack({ databaseUrl: database.url, kafkaBrokers: broker.brokers }));
    const servers = Array.from({ length: 40 }, (_, index) => `tool-${index}`);
    const file = [
      "version: 1",
      "servers:",
      ...servers.map((name) => `  - { name: ${name}, url: "${upstream.url}", allowPrivateNetwork: true }`),
    ];
    const seen = new Set<number>();
    let isDone = false;
    const watching = (async () => {
      while (!isDone) seen.add(await serversHeld(stack));
    })();
    await until(() => seen.size > 0, { what: "the first look" });
    await stack.admin.run(
      `mutation ($file: String!) { applyConfiguration(file: $file) { __typename ... on ApplyConfigurationSucceeded { position } } }`,
      { file: file.join("\n") },
    );
    await until(() => seen.has(servers.length), { what: "all servers to be listed", timeoutMs: 20_000 });
    isDone = true;
    await watching;
    expect([...seen].sort((a, b) => a - b)).toEqual([0, servers.length]);
  });
});

async function writeKeys(stack: Stack, teamId: string, prefix: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    try {
      const key = await issueKey(stack.admin, { name: `${prefix}-${index}`, teamId });
      if (index % 3 === 0) await revokeKey(stack.admin, key.id);
    } catch {
      await until(async () => (await fetch(`${stack.control.url}/readyz`)).ok, {
        what: "the control plane",
        timeoutMs: 60_000,
      });
    }
  }
}

async function expectFleetIsTheLog(stack: Stack, url: string): Promise<void> {
  const database = await openDatabase({ url });
  try {
    const { position: end } = await head(database.sql);
    let replica = empty();
    while (replica.position < end)
      replica = apply(replica, (await readLog(database.sql, replica.position, 500)).map(recordOf));
    const expected = Object.fromEntries(
      [...replica.kinds.keys()].map((kind) => [kind, Buffer.from(digest(replica, kind)).toString("hex")]),
    );
    const fleet = await until(
      async () => {
        const members = await readFleet(stack.admin);
        return members.length === 2 && members.every(({ applied }) => BigInt(applied) === end) && members;
      },
      { what: `both proxies to have applied ${end}`, timeoutMs: 60_000, intervalMs: 100 },
    );
    for (const member of fleet) {
      const digests = Object.fromEntries(member.digests.map(({ kind, digest: value }) => [kind, value]));
      expect(digests).toEqual(expect.objectContaining(expected));
    }
  } finally {
    await database.close();
  }
}

async function serversHeld(stack: Stack): Promise<number> {
  const response = await fetch(`${stack.proxy().adminUrl}/debug/replica`);
  if (!response.ok) throw new Error(`/debug/replica answered ${response.status}`);
  const { kinds } = (await response.json()) as { kinds: { [kind: string]: { resources: number } } };
  return kinds["server"]?.resources ?? 0;
}
