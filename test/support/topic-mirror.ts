// Copies a topic from one Kafka to another as a mirror between regions does, and as late as a test wants: each record with its
// key, its headers and its value, byte for byte and in order. It can begin to fall behind while it runs, a little more with
// every record, so that what it writes never pauses; and it can be made to write something else.

import { openKafka } from "@tollgate/api/kafka";
import { Kafka, logLevel, type IHeaders, type Message, type Producer } from "kafkajs";
import { startBroker } from "./kafka-broker.ts";

export interface TopicMirror extends AsyncDisposable {
  /** So late in the end, reached step by step within a time; at once without one. */
  setLate(lateMs: number, withinMs?: number): void;
  /** From now on what is written in the place of each record; absent: the record itself. */
  setDistortion(distort?: Distortion): void;
}

export type Mirrored = Message & { headers: IHeaders };
export type Distortion = (message: Mirrored) => readonly Mirrored[];

export async function startMirror(topic: string, from: string, to: string): Promise<TopicMirror> {
  const consumer = clientOf(from).consumer({ groupId: `mirror-${topic}`, maxWaitTimeInMs: 20 });
  const producer = clientOf(to).producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  const line = delayLine(producer, topic);
  const faithfully: Distortion = (message) => [message];
  let distort = faithfully;
  await Promise.all([consumer.connect(), producer.connect()]);
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message: { key, value, headers = {} } }) => {
      for (const message of distort({ key, value, headers })) line.take(message);
    },
  });
  return {
    setLate: line.setLate,
    setDistortion: (next = faithfully) => (distort = next),
    [Symbol.asyncDispose]: async () => {
      await consumer.disconnect();
      await line.close();
      await producer.disconnect();
    },
  };
}

export type MirroredBrokers = { kafkaBrokers: string; proxyKafkaBrokers: string; events: TopicMirror };

/** Two regions: the control plane relays to one, whose events are mirrored to the other and whose facts come from there. */
export async function mirroredBrokers(resources: AsyncDisposableStack): Promise<MirroredBrokers> {
  const [near, far] = await Promise.all([startBroker(), startBroker()]);
  resources.use(near);
  resources.use(far);
  for (const { brokers } of [near, far]) {
    const door = openKafka({ brokers: [brokers], clientId: "mirror-topics", onProblem: () => undefined });
    await door.ensureTopics();
    await door.close();
  }
  const events = resources.use(await startMirror("gateway.events", near.brokers, far.brokers));
  resources.use(await startMirror("gateway.usage", far.brokers, near.brokers));
  return { kafkaBrokers: near.brokers, proxyKafkaBrokers: far.brokers, events };
}

function clientOf(brokers: string): Kafka {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 20 };
  return new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry });
}

function delayLine(producer: Producer, topic: string) {
  const waiting: { message: Mirrored; dueMs: number }[] = [];
  let late = { fromMs: 0, toMs: 0, sinceMs: 0, withinMs: 0 };
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  function lateMs(): number {
    const { fromMs, toMs, sinceMs, withinMs } = late;
    const share = withinMs === 0 ? 1 : Math.min(1, (performance.now() - sinceMs) / withinMs);
    return fromMs + (toMs - fromMs) * share;
  }

  async function send(): Promise<void> {
    while (waiting[0] && waiting[0].dueMs <= performance.now()) {
      const end = waiting.findIndex(({ dueMs }) => dueMs > performance.now());
      const due = waiting.splice(0, end < 0 ? waiting.length : end);
      await producer.send({ topic, acks: -1, messages: due.map(({ message }) => message) });
    }
    const [next] = waiting;
    timer = next && setTimeout(begin, Math.max(0, next.dueMs - performance.now()));
  }

  function begin(): void {
    clearTimeout(timer);
    sending = sending.then(send);
  }

  return {
    take(message: Mirrored): void {
      const newest = waiting.at(-1)?.dueMs ?? 0;
      waiting.push({ message, dueMs: Math.max(newest, performance.now() + lateMs()) });
      if (waiting.length === 1) begin();
    },
    setLate(toMs: number, withinMs = 0): void {
      late = { fromMs: lateMs(), toMs, sinceMs: performance.now(), withinMs };
    },
    async close(): Promise<void> {
      waiting.length = 0;
      await sending;
      clearTimeout(timer);
    },
  };
}
