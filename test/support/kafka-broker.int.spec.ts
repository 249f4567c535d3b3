// The broker that other suites build upon: what it acknowledged has to survive its kill -9, or every test of ours that
// kills one would blame the product. It also must not invent topics, because the product is to ask for them.
import { Kafka, logLevel } from "kafkajs";
import type { Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kafkaAvailability, openKafka, startBroker } from "./kafka-broker.ts";
import type { KafkaBroker } from "./kafka-broker.ts";
import { describeWith } from "./real-part.ts";
import { until } from "./wait.ts";

const topic = "kept";

function client(brokers: string): Kafka {
  return new Kafka({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 50 },
  });
}

async function produce(producer: Producer, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await producer.send({ topic, acks: -1, messages: [{ value: String(n) }] });
  }
}

async function readAll(brokers: string, count: number): Promise<number[]> {
  const consumer = client(brokers).consumer({ groupId: `reader-${crypto.randomUUID()}` });
  const seen: number[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(Number(message.value)) });
  await until(() => seen.length >= count, { what: `${count} messages`, timeoutMs: 15_000 });
  await consumer.disconnect();
  return seen;
}

describeWith(await kafkaAvailability("own"), "a broker of our own", () => {
  let broker: KafkaBroker;

  beforeAll(async () => {
    broker = await startBroker();
  }, 90_000);

  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
  });

  test(
    "what it acknowledged survives kill -9 and a clean restart, in order and once",
    { timeout: 60_000 },
    async () => {
      const kafka = client(broker.brokers);
      const admin = kafka.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
      await admin.disconnect();
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      await produce(producer, 0, 50);
      const { brokers, pid } = broker;
      await broker.kill();
      expect(broker.pid).toBeUndefined();
      await broker.start();
      expect(broker.brokers).toBe(brokers);
      expect(broker.pid).not.toBe(pid);
      await produce(producer, 50, 100);
      await broker.stop();
      await broker.start();
      await producer.disconnect();
      const seen = await readAll(brokers, 100);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
    },
  );

  test("it makes no topic that nobody asked for", async () => {
    const admin = client(broker.brokers).admin();
    await admin.connect();
    await expect(admin.fetchTopicMetadata({ topics: ["unasked"] })).rejects.toThrow("does not host this topic");
    expect(await admin.listTopics()).not.toContain("unasked");
    await admin.disconnect();
  });

  test("brokers that somebody else runs are used as they are, and never to be killed", async () => {
    vi.stubEnv("TOLLGATE_TEST_KAFKA", broker.brokers);
    await using kafka = await openKafka();
    expect(kafka.brokers).toBe(broker.brokers);
    expect(kafka).not.toHaveProperty("kill");
    vi.unstubAllEnvs();
  });
});
