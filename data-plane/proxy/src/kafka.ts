// The proxy's only door to Kafka, and the only file here that knows kafkajs: the tail of the events topic, and facts out.
// The tail begins at the end of the topic as it is when `tail` resolves; what was before is in the snapshot that follows.
// kafkajs cannot read without a group, so every boot has a group of its own, which the broker forgets by itself.

import { randomUUID } from "node:crypto";
import type { KafkaSecurity } from "@tollgate/kernel/kafka-access";
import { Kafka, logLevel, type Producer } from "kafkajs";

export type KafkaOptions = {
  brokers: readonly string[];
  clientId: string;
  /** Undefined: brokers that let everybody in. */
  security?: KafkaSecurity;
  onProblem: (message: string) => void;
};

export type TailMessage = { headers: { [name: string]: Uint8Array | undefined }; value: Uint8Array | null };

export type TailListener = { onMessage: (message: TailMessage) => void; onLost: (reason: string) => void };

export type KafkaDoor = {
  tail(topic: string, listener: TailListener): Promise<{ stop(): Promise<void> }>;
  /** Resolves when all in-sync replicas have it; rejects within about ten seconds when they do not. */
  produce(record: { topic: string; key: string; value: Uint8Array }): Promise<void>;
  close(): Promise<void>;
};

/** A broker may let a new group wait three seconds for more members. */
const joinMsMax = 10_000;

export function openKafka({ brokers, clientId, security, onProblem }: KafkaOptions): KafkaDoor {
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 2_000,
    ...(security?.tls && { ssl: security.tls }),
    ...(security?.sasl && { sasl: security.sasl }),
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
      const current = connected();
      try {
        await (await current).send({ topic, acks: -1, messages: [{ key, value: Buffer.from(value) }] });
      } catch (error) {
        // kafkajs would number the next batch like the failed one, and a broker that stored that one after all would drop
        // the next as its repetition. Another producer numbers anew.
        if (producer === current) producer = undefined;
        void current.then((failed) => failed.disconnect()).catch(() => undefined);
        throw error;
      }
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
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    // Before it has joined, whoever attaches is told; after that, the listener.
    joined.reject(payload.error);
    if (!isStopped) listener.onLost(payload.error.message);
  });
  const stop = async (): Promise<void> => {
    isStopped = true;
    await consumer.disconnect();
  };
  const tooLate = setTimeout(() => joined.reject(new Error(`no place in the group in ${joinMsMax} ms`)), joinMsMax);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    // Its failures come as a crash, which `joined` hears of.
    const running = consumer.run({
      autoCommit: false,
      eachMessage: async ({ message: { headers = {}, value } }) => {
        if (!isStopped) listener.onMessage({ headers: asBytes(headers), value });
      },
    });
    await Promise.race([running, joined.promise]);
    // Explicit, because "latest" would be whatever is latest by the time of the first fetch.
    consumer.seek({ topic, partition: 0, offset: end });
    await joined.promise;
  } catch (error) {
    joined.promise.catch(() => undefined);
    void stop().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(tooLate);
  }
  return { stop };
}

async function endOf(kafka: Kafka, topic: string): Promise<string> {
  const admin = kafka.admin();
  try {
    await admin.connect();
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
