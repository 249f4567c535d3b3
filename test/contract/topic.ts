// What is on a topic, from its beginning to its end as it is now, read by a client that shares nothing with the product.

import { fromKafka } from "@tollgate/kernel/kafka-record";
import { Kafka, logLevel, type Admin, type Message } from "kafkajs";
import { until } from "../support/wait.ts";

export const eventsTopic = "gateway.events";

function clientOf(brokers: string): Kafka {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 20 };
  return new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry });
}

export async function withAdmin<T>(brokers: string, fn: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    return await fn(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Behind the relay's back. */
export async function write(brokers: string, messages: Message[]): Promise<void> {
  const producer = clientOf(brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic: eventsTopic, messages });
  await producer.disconnect();
}

/** The positions of one log in the order in which they stand, repetitions included. */
export async function positionsOn(brokers: string, logId: string): Promise<bigint[]> {
  const [partition] = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(eventsTopic));
  const end = BigInt(partition?.high ?? "0");
  const positions: bigint[] = [];
  let read = 0n;
  const consumer = clientOf(brokers).consumer({ groupId: `look-${crypto.randomUUID()}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: eventsTopic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message: { headers = {}, value, offset } }) => {
      read = BigInt(offset) + 1n;
      const texts = Object.entries(headers).map(([name, header]) => [name, header?.toString()]);
      const found = fromKafka(Object.fromEntries(texts), value);
      if (found?.kind === "record" && found.log.id === logId) positions.push(found.record.position);
    },
  });
  await until(() => read >= end, { what: `offset ${end} of ${eventsTopic}`, timeoutMs: 20_000 });
  await consumer.disconnect();
  return positions;
}
