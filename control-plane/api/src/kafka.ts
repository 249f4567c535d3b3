// The control plane's only door to Kafka, and the only file here that knows kafkajs: topics as we need them, records out in
// order, records in from a place that the caller keeps. A produce that fails is the caller's to repeat; what was
// acknowledged by all in-sync replicas is there. The broker is never told how far a consumer has come.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { KafkaSecurity } from "@tollgate/kernel/kafka-access";
import { Kafka, logLevel, type Admin, type Consumer, type KafkaMessage, type Producer } from "kafkajs";

export type KafkaOptions = {
  brokers: readonly string[];
  clientId: string;
  /** Undefined: brokers that let everybody in. */
  security?: KafkaSecurity;
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

export type VisitRecord = (headers: { [name: string]: Uint8Array | undefined }, value: Uint8Array | null) => void;

export type KafkaDoor = {
  ensureTopics(): Promise<void>;
  /** In order, acknowledged by all in-sync replicas when it resolves. */
  produce(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<KafkaConsumer>;
  /** Up to `count` of the newest records of a topic's one partition, oldest first; none where there is no topic. */
  newest(topic: string, count: number, visit: VisitRecord): Promise<void>;
  close(): Promise<void>;
};

/** An events topic of another shape would break the order of the log for every proxy. */
export class TopicProblem extends Error {}

const againMs = 1_000;
const newestMsMax = 15_000;
const retentionMs = 7 * 24 * 3_600_000;
const topics = [
  { topic: "gateway.events", partitions: 1, isFixed: true },
  { topic: "gateway.usage", partitions: 6, isFixed: false },
];

export function openKafka({ brokers, clientId, security, onProblem }: KafkaOptions): KafkaDoor {
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 2_000,
    ...(security?.tls && { ssl: security.tls }),
    ...(security?.sasl && { sasl: security.sasl }),
    requestTimeout: 5_000,
    // Short pauses: a broker that was killed is back, or another leads, within seconds. Whoever asked tries again after that.
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 5 },
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
      const current = connected();
      try {
        await (await current).send({ topic, messages, acks: -1 });
      } catch (error) {
        // kafkajs would number the next batch like the failed one; a broker that had stored that one after all would take
        // the next for its repetition, acknowledge it and drop it. Another producer numbers anew.
        if (producer === current) producer = undefined;
        void current.then((failed) => failed.disconnect()).catch(() => undefined);
        throw error;
      }
    },
    newest: (topic, count, visit) => readNewest(kafka, topic, BigInt(count), visit),
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
  try {
    await admin.connect();
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

async function readNewest(kafka: Kafka, topic: string, count: bigint, visit: VisitRecord): Promise<void> {
  const [partition] = await withAdmin(kafka, async (admin) =>
    (await admin.listTopics()).includes(topic) ? admin.fetchTopicOffsets(topic) : [],
  );
  const end = BigInt(partition?.high ?? "0");
  const begin = BigInt(partition?.low ?? "0");
  if (end === begin) return;
  const consumer = kafka.consumer({
    groupId: `tollgate-tail-${randomUUID()}`,
    ...{ maxWaitTimeInMs: 100, allowAutoTopicCreation: false },
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  const done = Promise.withResolvers<void>();
  const tooLate = setTimeout(() => done.reject(new Error(`${topic} was not read in ${newestMsMax} ms`)), newestMsMax);
  consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      // A record may be missing at the very end (a batch's control record); the batch tells how far it goes.
      eachBatch: ({ batch }) => {
        for (const { headers = {}, value } of batch.messages) visit(bytesOf(headers), value);
        if (BigInt(batch.lastOffset()) >= end - 1n) done.resolve();
        return Promise.resolve();
      },
    });
    consumer.seek({ topic, partition: 0, offset: (end - begin > count ? end - count : begin).toString() });
    await done.promise;
  } finally {
    clearTimeout(tooLate);
    done.promise.catch(() => undefined);
    await consumer.disconnect();
  }
}

/** A header that stands twice is none: two readers of one record must not see two truths. */
function bytesOf(headers: NonNullable<KafkaMessage["headers"]>): { [name: string]: Uint8Array | undefined } {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === "string" ? Buffer.from(value) : Array.isArray(value) ? undefined : value,
    ]),
  );
}

async function consume(
  kafka: Kafka,
  options: ConsumeOptions,
  onProblem: KafkaOptions["onProblem"],
): Promise<KafkaConsumer> {
  const stopping = new AbortController();
  let current = await startConsumer(kafka, options, () => void again());

  // kafkajs restarts itself after what it takes for passing; after anything else it would stay down without a word.
  async function again(): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(againMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        current = await startConsumer(kafka, options, () => void again());
        if (stopping.signal.aborted) await current.disconnect();
        return;
      } catch (error) {
        onProblem(`reading ${options.topic} could not be taken up again`, error);
      }
    }
  }

  return {
    async stop() {
      stopping.abort();
      await current.disconnect();
    },
  };
}

async function startConsumer(
  kafka: Kafka,
  { topic, groupId, next, take }: ConsumeOptions,
  onDown: () => void,
): Promise<Consumer> {
  const consumer: Consumer = kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 20, restartOnFailure: () => Promise.resolve(true) },
  });
  // Partitions that stand where the caller said; with every assignment the broker has its own idea again.
  const placed = new Set<number>();
  consumer.on(consumer.events.GROUP_JOIN, () => placed.clear());
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onDown();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      async eachBatch({ batch: { partition, messages }, resolveOffset, heartbeat, isRunning, isStale }) {
        if (!placed.has(partition)) {
          const offset = await next(partition);
          placed.add(partition);
          if (offset !== undefined && messages[0]?.offset !== offset.toString())
            return consumer.seek({ topic, partition, offset: offset.toString() });
        }
        for (const message of messages) {
          if (!isRunning() || isStale()) return;
          await take(incoming(topic, partition, message));
          resolveOffset(message.offset);
          await heartbeat();
        }
      },
    });
  } catch (error) {
    await consumer.disconnect().catch(() => undefined);
    throw error;
  }
  return consumer;
}

function incoming(topic: string, partition: number, { offset, value }: KafkaMessage): IncomingRecord {
  return { topic, partition, offset: BigInt(offset), value };
}
