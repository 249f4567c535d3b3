// The control plane's only door to Kafka, and the only file here that knows kafkajs: topics as we need them, records out in
// order, records in from a place that the caller keeps. A produce that fails is the caller's to repeat; what was
// acknowledged by all in-sync replicas is there. The broker is never told how far a consumer has come.

import { Kafka, logLevel, type Admin, type Consumer, type KafkaMessage, type Producer } from "kafkajs";

export type KafkaOptions = {
  brokers: readonly string[];
  clientId: string;
  onProblem: (message: string, detail: unknown) => void;
};

export type OutgoingRecord = { key: string | null; value: Uint8Array | null; headers: { [name: string]: string } };

export type IncomingRecord = { topic: string; partition: number; offset: bigint; value: Uint8Array | null };

export type KafkaConsumer = { stop(): Promise<void> };

export type ConsumeOptions = {
  topic: string;
  groupId: string;
  /** Where to go on; undefined: the beginning. */
  next: (partition: number) => Promise<bigint | undefined>;
  /** In a partition's order. While it rejects, the same record comes again. */
  take: (record: IncomingRecord) => Promise<void>;
};

export type KafkaDoor = {
  ensureTopics(): Promise<void>;
  /** In order, acknowledged by all in-sync replicas when it resolves. */
  produce(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<KafkaConsumer>;
  close(): Promise<void>;
};

/** An events topic of another shape would break the order of the log for every proxy. */
export class TopicProblem extends Error {}

const retentionMs = 7 * 24 * 3_600_000;
const topics = [
  { topic: "gateway.events", partitions: 1, isFixed: true },
  { topic: "gateway.usage", partitions: 6, isFixed: false },
];

export function openKafka({ brokers, clientId, onProblem }: KafkaOptions): KafkaDoor {
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    // Short pauses, many tries: a broker that was killed is back, or another leads, within seconds.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 20 },
    logLevel: logLevel.ERROR,
    logCreator:
      () =>
      ({ log }) =>
        onProblem(log.message, { ...log }),
  });
  // One request at a time and idempotence: a record that is sent again after a lost answer stands in the topic once.
  let producer: Promise<Producer> | undefined;
  const connected = (): Promise<Producer> => {
    producer ??= connect(kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false }));
    producer.catch(() => (producer = undefined));
    return producer;
  };
  return {
    ensureTopics: () => withAdmin(kafka, ensureTopics),
    async produce(topic, records) {
      const messages = records.map(({ key, value, headers }) => {
        return { key, value: value === null ? null : Buffer.from(value), headers };
      });
      await (await connected()).send({ topic, messages, acks: -1 });
    },
    consume: (options) => consume(kafka, options, onProblem),
    async close() {
      await (await producer?.catch(() => undefined))?.disconnect();
    },
  };
}

async function connect(producer: Producer): Promise<Producer> {
  await producer.connect();
  return producer;
}

async function withAdmin<T>(kafka: Kafka, fn: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await fn(admin);
  } finally {
    await admin.disconnect();
  }
}

async function ensureTopics(admin: Admin): Promise<void> {
  const { brokers } = await admin.describeCluster();
  const existing = new Set(await admin.listTopics());
  for (const { topic, partitions } of topics.filter((wanted) => !existing.has(wanted.topic)))
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: Math.min(3, brokers.length),
          configEntries: [
            { name: "retention.ms", value: String(retentionMs) },
            { name: "cleanup.policy", value: "delete" },
          ],
        },
      ],
    });
  const found = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
  for (const { topic, partitions, isFixed } of topics) {
    const has = found.topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
    if (isFixed && has !== partitions)
      throw new TopicProblem(
        `The topic ${topic} has ${has} partitions; it must have ${partitions}, or events lose their order.`,
      );
  }
}

async function consume(
  kafka: Kafka,
  options: ConsumeOptions,
  onProblem: KafkaOptions["onProblem"],
): Promise<KafkaConsumer> {
  const { topic, groupId, next, take } = options;
  const consumer: Consumer = kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 20, restartOnFailure: () => Promise.resolve(true) },
  });
  // Assigned partitions begin wherever the broker thinks; before anything is taken we say where we are.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = payload.memberAssignment[topic] ?? [];
    void Promise.all(
      partitions.map(async (partition) => {
        const offset = await next(partition);
        consumer.seek({ topic, partition, offset: (offset ?? 0n).toString() });
      }),
    ).catch((error: unknown) => onProblem("where to go on could not be read", error));
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => take(incoming(topic, partition, message)),
  });
  return { stop: () => consumer.disconnect() };
}

function incoming(topic: string, partition: number, { offset, value }: KafkaMessage): IncomingRecord {
  return { topic, partition, offset: BigInt(offset), value };
}
