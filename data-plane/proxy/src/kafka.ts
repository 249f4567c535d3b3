// The proxy's only door to Kafka, and the only file here that knows kafkajs: the tail of the events topic, and facts out.
// The tail begins at the end of the topic as it is when `tail` resolves; what was before is in the snapshot that follows.
// kafkajs cannot read without a group, so every boot has a group of its own, which the broker forgets by itself.

import { randomUUID } from "node:crypto";
import { Kafka, logLevel, type Producer } from "kafkajs";

export type KafkaOptions = { brokers: readonly string[]; clientId: string; onProblem: (message: string) => void };

export type TailMessage = { headers: { [name: string]: Uint8Array | undefined }; value: Uint8Array | null };

export type TailListener = { onMessage: (message: TailMessage) => void; onLost: (reason: string) => void };

export type KafkaDoor = {
  tail(topic: string, listener: TailListener): Promise<{ stop(): Promise<void> }>;
  /** Resolves when all in-sync replicas have it; rejects within about ten seconds when they do not. */
  produce(record: { topic: string; key: string; value: Uint8Array }): Promise<void>;
  close(): Promise<void>;
};

export function openKafka({ brokers, clientId, onProblem }: KafkaOptions): KafkaDoor {
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 5 },
    logLevel: logLevel.ERROR,
    logCreator:
      () =>
      ({ log }) =>
        onProblem(log.message),
  });
  let producer: Promise<Producer> | undefined;
  const connected = (): Promise<Producer> => {
    producer ??= connect(kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false }));
    producer.catch(() => (producer = undefined));
    return producer;
  };
  return {
    tail: (topic, listener) => tail(kafka, topic, listener),
    async produce({ topic, key, value }) {
      await (await connected()).send({ topic, acks: -1, messages: [{ key, value: Buffer.from(value) }] });
    },
    async close() {
      await (await producer?.catch(() => undefined))?.disconnect();
    },
  };
}

async function connect(producer: Producer): Promise<Producer> {
  await producer.connect();
  return producer;
}

async function tail(kafka: Kafka, topic: string, listener: TailListener): Promise<{ stop(): Promise<void> }> {
  const end = await endOf(kafka, topic);
  const consumer = kafka.consumer({
    groupId: `tollgate-proxy-${randomUUID()}`,
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    // A record that arrives is answered at once; this only bounds how long an empty fetch is held open.
    maxWaitTimeInMs: 100,
    minBytes: 1,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  let isStopped = false;
  const lost = (reason: string): void => {
    if (!isStopped) listener.onLost(reason);
  };
  consumer.on(consumer.events.CRASH, ({ payload }) => lost(payload.error.message));
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  const stop = async (): Promise<void> => {
    isStopped = true;
    await consumer.disconnect();
  };
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ message: { headers = {}, value } }) => {
        listener.onMessage({ headers: asBytes(headers), value });
      },
    });
    // Explicit, because "latest" would be whatever is latest by the time of the first fetch.
    consumer.seek({ topic, partition: 0, offset: end });
    await joined;
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  return { stop };
}

async function endOf(kafka: Kafka, topic: string): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const [partition, ...others] = await admin.fetchTopicOffsets(topic);
    if (!partition || others.length > 0) throw new Error(`the topic ${topic} must have one partition`);
    return partition.high;
  } finally {
    await admin.disconnect();
  }
}

type KafkaHeaders = { [name: string]: Buffer | string | (Buffer | string)[] | undefined };

function asBytes(headers: KafkaHeaders): { [name: string]: Uint8Array | undefined } {
  // A header that stands twice is none: two readers of one record must not see two truths.
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === "string" ? Buffer.from(value) : Array.isArray(value) ? undefined : value,
    ]),
  );
}
