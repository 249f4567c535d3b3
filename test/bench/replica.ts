// A replica of 100,000 keys and 1,000 servers: from the start of a proxy to ready, what a worker holds in memory, and what
// one more event costs at that size. The rows come through the log like all others, in commits of some thousand.

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { create, toBinary, type Message } from "@bufbuild/protobuf";
import { openDatabase, type Database } from "@tollgate/api/database";
import { handleAll } from "@tollgate/api/log/handle";
import { accept, type Decider } from "@tollgate/kernel/decider";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { apply, fromSnapshot } from "@tollgate/kernel/replica";
import { viewOf } from "@tollgate/kernel/view";
import { KeyIssuedSchema, ServerRegisteredSchema, TeamCreatedSchema } from "@tollgate/schema/events";
import { KeySchema, type Key } from "@tollgate/schema/resources";
import { RecordSchema } from "@tollgate/schema/sync";
import { createDatabase } from "../support/database.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { median, residentBytes } from "./load.ts";
import { report } from "./report.ts";

const keys = 100_000;
const servers = 1_000;
const commitSize = 5_000;

export async function benchReplica(): Promise<void> {
  measureApply();
  await using database = await createDatabase("bench replica");
  await using stack = await startStack({ databaseUrl: database.url, proxies: 1 });
  await stack.proxy().stop();
  const emptySeconds = await secondsToWhole(stack, 0);
  await stack.proxy().stop();
  const log = await openDatabase({ url: database.url });
  try {
    await fill(log);
  } finally {
    await log.close();
  }
  // The first start waits for the projection to catch up, too; the second one is what is asked for.
  await secondsToWhole(stack, keys);
  await stack.proxy().stop();
  // A proxy is ready with what its sealed cache holds, and takes no snapshot where that is all there is.
  const fromCache = await secondsToWhole(stack, keys);
  await stack.proxy().stop();
  await rm(join(stack.proxy().dataDir, "proxy", "cache.sealed"));
  const fromSnapshot = await secondsToWhole(stack, keys);
  report({ bench: "replica", subject: "proxy start to ready", value: fromSnapshot, unit: "s" });
  report({ bench: "replica", subject: "snapshot to ready", value: fromSnapshot - emptySeconds, unit: "s" });
  report({ bench: "replica", subject: "cache to ready", value: fromCache - emptySeconds, unit: "s" });
  const { root, children } = await residentBytes(stack.proxy().pid);
  report({ bench: "replica", subject: "memory, primary", value: root / 2 ** 20, unit: "MiB" });
  report({ bench: "replica", subject: "memory, worker", value: Math.max(...children) / 2 ** 20, unit: "MiB" });
}

/** Until it is ready and every worker has all keys: ready alone says nothing of how much it has. */
async function secondsToWhole(stack: Stack, count: number): Promise<number> {
  const proxy = stack.proxy();
  const start = performance.now();
  await proxy.start();
  await until(
    async () => {
      const text = await (await fetch(`${proxy.adminUrl}/debug/replica`)).text();
      const { position, workersApplied } = JSON.parse(text) as { position: string; workersApplied: string };
      return position === workersApplied && (count === 0 || text.includes(`"resources":${count},`));
    },
    { what: "all keys at every worker", timeoutMs: 60_000, intervalMs: 50 },
  );
  return (performance.now() - start) / 1_000;
}

const newId = (): string => idFromBytes(randomBytes(idBytes));

function newKey(index: number, teamId: string): Key {
  const tools = [`server-${index % servers}/*`, `server-${(index * 7) % servers}/read_*`];
  return create(KeySchema, {
    id: newId(),
    name: `key-${index}`,
    teamId,
    secrets: [{ sha256: randomBytes(32) }],
    tools,
  });
}

async function fill(database: Database): Promise<void> {
  const teamId = newId();
  const events: { stream: string; id: string; event: Message }[] = [
    { stream: "team", id: teamId, event: create(TeamCreatedSchema, { team: { id: teamId, name: "bench" } }) },
  ];
  for (let index = 0; index < servers; index++) {
    const server = { id: newId(), name: `server-${index}`, url: `http://127.0.0.1:9/${index}`, timeoutSeconds: 5 };
    events.push({ stream: "server", id: server.id, event: create(ServerRegisteredSchema, { server }) });
  }
  for (let index = 0; index < keys; index++) {
    const key = newKey(index, teamId);
    events.push({ stream: "key", id: key.id, event: create(KeyIssuedSchema, { key }) });
  }
  for (let at = 0; at < events.length; at += commitSize) {
    const steps = events
      .slice(at, at + commitSize)
      .map(({ stream, id, event }) => ({ decider: storing(stream), id, command: event }));
    await handleAll(database, steps, { actor: "system/bench", timeMs: Date.now() });
  }
}

function storing(stream: string): Decider<unknown, unknown, Message, never> {
  // The command is the event: a benchmark of the way, not of decisions.
  return { stream, initial: undefined, evolve: () => undefined, decide: (event) => accept([event as Message]) };
}

function measureApply(): void {
  const resources = Array.from({ length: keys }, (_, index) => {
    const key = newKey(index, "0000000000000000");
    return { kind: "key", id: key.id, bytes: toBinary(KeySchema, key) };
  });
  let replica = fromSnapshot(1n, resources);
  let view = viewOf(replica);
  const times: number[] = [];
  for (let index = 0; index < 500; index++) {
    const body = toBinary(KeyIssuedSchema, create(KeyIssuedSchema, { key: newKey(index, "0000000000000000") }));
    const position = replica.position + 1n;
    const record = create(RecordSchema, { position, commit: position, type: KeyIssuedSchema.typeName, body });
    const before = process.cpuUsage();
    replica = apply(replica, [record]);
    view = viewOf(replica, view);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  report({ bench: "replica", subject: `one event at ${keys} keys`, value: median(times), unit: "ms of CPU" });
}
