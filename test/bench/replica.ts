// A replica of 100,000 keys and 1,000 servers: from the start of a proxy to ready, what a worker holds in memory, and what
// one more event costs at that size. The rows come through the log like all others, in commits of some thousand.

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { create, toBinary, type Message } from "@bufbuild/protobuf";
import { openDatabase, type Database } from "@tollgate/api/database";
import { handleAll } from "@tollgate/api/log/handle";
import { head } from "@tollgate/api/log/read";
import { createDigests } from "@tollgate/api/sync/digests";
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
    await projected(log);
    await measureDigests(log);
  } finally {
    await log.close();
  }
  const cache = join(stack.proxy().dataDir, "proxy", "cache.sealed");
  // Its cache is of the empty log: nothing but a snapshot, or all of the log, brings it what there is.
  await rm(cache);
  const fromSnapshot = await secondsToWhole(stack, keys);
  await stack.proxy().stop();
  // A proxy is ready with what its sealed cache holds, and takes no snapshot where that is all there is.
  const fromCache = await secondsToWhole(stack, keys);
  await stack.proxy().stop();
  await rm(cache);
  const again = await secondsToWhole(stack, keys);
  for (const seconds of [fromSnapshot, again]) {
    report({ bench: "replica", subject: "proxy start to ready", value: seconds, unit: "s" });
    report({ bench: "replica", subject: "snapshot to ready", value: seconds - emptySeconds, unit: "s" });
  }
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

/** Rows follow the log and take much of the machine while they do; what is stored then is what a snapshot holds. */
async function projected(log: Database): Promise<void> {
  const { position: end } = await head(log.sql);
  const tables = await log.sql.query<{ schema: string }>(
    "SELECT schemaname AS schema FROM pg_tables WHERE tablename = 'checkpoint'",
  );
  const least = tables.map(({ schema }) => `SELECT position FROM ${schema}.checkpoint`).join(" UNION ");
  const isThere = async () =>
    (await log.sql.query<{ position: bigint }>(least)).every(({ position }) => position === end);
  await until(isThere, { what: "all rows to be at the end of the log", timeoutMs: 300_000, intervalMs: 250 });
}

/** What it takes to sum the digests that proxies ought to have: the control plane does it beside its other work. */
async function measureDigests(log: Database): Promise<void> {
  const digests = createDigests({ database: log, onProblem: fail });
  const before = process.cpuUsage();
  const start = performance.now();
  digests.diverged({ applied: 1n, digests: [], nacks: [], nackCount: 0n });
  await digests.settled();
  const { user, system } = process.cpuUsage(before);
  const [cpu, seconds] = [(user + system) / 1e6, (performance.now() - start) / 1_000];
  report({ bench: "replica", subject: `digests of ${keys} keys, control plane`, value: cpu, unit: "s of CPU" });
  report({ bench: "replica", subject: `digests of ${keys} keys, control plane`, value: seconds, unit: "s" });
}

function fail(error: unknown): never {
  throw error;
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
