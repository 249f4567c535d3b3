// From the answer of a mutation to the first call that is decided by it, on a whole stack: over gRPC, and over Kafka where
// there is one. What the poll of the measuring client adds (about a millisecond) is in the figure.

import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { kafkaAvailability, openKafka } from "../support/kafka-broker.ts";
import { callTool, createTeam, issueKey, registerServer, revokeKey } from "../support/operations.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/wait.ts";
import { percentile } from "./load.ts";
import { report } from "./report.ts";

const tries = 100;

export async function benchLatency(): Promise<void> {
  await measure("grpc", undefined);
  const availability = await kafkaAvailability();
  if (!availability.available)
    return console.error(`mutation to proxy over Kafka was not measured: ${availability.reason}`);
  await using kafka = await openKafka();
  await measure("kafka", kafka.brokers);
}

async function measure(source: string, kafkaBrokers: string | undefined): Promise<void> {
  await using database = await createDatabase(`bench ${source}`);
  await using upstream = await startExampleMcp();
  await using stack = await startStack({
    databaseUrl: database.url,
    ...(kafkaBrokers === undefined ? {} : { kafkaBrokers }),
  });
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(stack.admin, "bench");
  const times: number[] = [];
  for (let index = 0; index < tries; index++) {
    const key = await issueKey(stack.admin, { name: `key-${index}`, teamId });
    const works = async (): Promise<boolean> =>
      (await callTool(stack.proxy().url, key.secret, "example__echo")).hasResult;
    await until(works, { what: "the key to work", intervalMs: 1 });
    await revokeKey(stack.admin, key.id);
    const start = performance.now();
    await until(async () => !(await works()), { what: "the key to be refused", intervalMs: 1 });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  for (const share of [0.5, 0.99])
    report({ bench: "revocation", subject: `${source} p${share * 100}`, value: percentile(times, share), unit: "ms" });
}
