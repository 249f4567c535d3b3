// Runs real Kafka brokers (KRaft, broker and controller in one process) on the loopback, which tests may stop, kill and
// start again on the same data and port. Topics are never created by themselves: the product has to ask for them, as in
// production. Suites that only need some Kafka use `openKafka`, which honours TOLLGATE_TEST_KAFKA; suites that break a
// broker need their own, and say so to `kafkaAvailability`.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testEnvironment } from "./environment.ts";
import { kafkaJars } from "./kafka-jars.ts";
import { freePorts } from "./ports.ts";
import { startProcess } from "./processes.ts";
import type { RunningProcess } from "./processes.ts";
import type { Availability } from "./real-part.ts";

export interface QuorumMember {
  readonly nodeId: number;
  readonly controllerPort: number;
}

export interface BrokerOptions {
  /** Kept afterwards; absent: a temporary one. */
  readonly dir?: string;
  readonly port?: number;
  readonly nodeId?: number;
  /** All members, this one included; absent: this one alone. */
  readonly quorum?: readonly QuorumMember[];
  /** One listener more, beside the plain one. */
  readonly also?: ListenerOptions;
}

export interface ListenerOptions {
  /** As Kafka writes it: SASL_SSL://host:port. */
  readonly listener: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly formatArgs: readonly string[];
}

export interface KafkaBroker {
  /** host:port, as clients want it; the same after a restart. */
  readonly brokers: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL: what was acknowledged stays, because the machine does not go down with it. */
  kill(): Promise<void>;
  log(): string;
  /** Ends it and removes its data, if that was temporary. */
  [Symbol.asyncDispose](): Promise<void>;
}

const readyMsMax = 60_000;
const stopMsMax = 20_000;
const clusterId = "dG9sbGdhdGUtdGVzdHMtMQ";

/** `own`: for suites that stop or kill brokers, which nobody else's may be. May fetch Kafka first, once per machine. */
export async function kafkaAvailability(need: "any" | "own" = "any"): Promise<Availability> {
  if (need === "any" && testEnvironment().kafkaBrokers !== undefined) return { available: true };
  const jars = await kafkaJars();
  return "missing" in jars ? { available: false, reason: jars.missing } : { available: true };
}

/** The brokers of TOLLGATE_TEST_KAFKA, else one of our own for the time until it is disposed of. */
export async function openKafka(): Promise<Pick<KafkaBroker, "brokers"> & AsyncDisposable> {
  const brokers = testEnvironment().kafkaBrokers;
  return brokers === undefined ? startBroker() : { brokers, [Symbol.asyncDispose]: async () => {} };
}

export async function startBroker(options: BrokerOptions = {}): Promise<KafkaBroker> {
  const jars = await kafkaJars();
  if ("missing" in jars) throw new Error(jars.missing);
  const { nodeId = 1 } = options;
  const [freeA, freeB] = await freePorts(2);
  const port = options.port ?? freeA;
  const quorum = options.quorum ?? [{ nodeId, controllerPort: freeB ?? 0 }];
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "tollgate-test-kafka-")));
  await mkdir(dir, { recursive: true });
  const settings = join(dir, "server.properties");
  await writeFile(settings, properties(dir, port ?? 0, nodeId, quorum, options.also));
  const java = (name: string, args: readonly string[]): Promise<RunningProcess> =>
    startProcess({ name, command: "java", args: [...javaFlags, "-cp", jars.classPath, ...args], cwd: dir });

  let process: RunningProcess | undefined;
  let log = "";
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (process === undefined) return;
    process.kill(signal);
    await process.waitForExit(stopMsMax);
    log = process.log();
    await process[Symbol.asyncDispose]();
    process = undefined;
  };
  const broker: KafkaBroker = {
    brokers: `127.0.0.1:${port}`,
    get pid() {
      return process?.pid;
    },
    start: async () => {
      if (process !== undefined) throw new Error(`the broker on port ${port} runs already`);
      if (!existsSync(join(dir, "data", "meta.properties"))) {
        const formatArgs = ["format", "-t", clusterId, "-c", settings, ...(options.also?.formatArgs ?? [])];
        await using format = await java("Kafka's format tool", [formatTool, ...formatArgs]);
        if ((await format.waitForExit(readyMsMax)).code !== 0)
          throw new Error(`Kafka's format failed:\n${format.log()}`);
      }
      process = await java(`Kafka on port ${port}`, ["kafka.Kafka", settings]);
      await process.waitForLine(/Kafka Server started/, readyMsMax);
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    log: () => process?.log() ?? log,
    [Symbol.asyncDispose]: async () => {
      await end("SIGKILL");
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await broker.start();
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
  return broker;
}

const formatTool = "kafka.tools.StorageTool";

// Small and quick to start, at the price of peak speed: 2 s to the first acknowledged message, about 200 MB.
const javaFlags = [
  "-Xmx256m",
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
];

function properties(
  dir: string,
  port: number,
  nodeId: number,
  quorum: readonly QuorumMember[],
  also: ListenerOptions | undefined,
): string {
  const own = quorum.find((member) => member.nodeId === nodeId);
  if (own === undefined) throw new Error(`node ${nodeId} is not in its own quorum`);
  const replicas = Math.min(quorum.length, 3);
  const advertised = [`PLAINTEXT://127.0.0.1:${port}`, ...(also ? [also.listener] : [])];
  const settings = {
    "process.roles": "broker,controller",
    "node.id": nodeId,
    "controller.quorum.voters": quorum.map((m) => `${m.nodeId}@127.0.0.1:${m.controllerPort}`).join(","),
    listeners: [...advertised, `CONTROLLER://127.0.0.1:${own.controllerPort}`].join(","),
    "advertised.listeners": advertised.join(","),
    "controller.listener.names": "CONTROLLER",
    "log.dirs": join(dir, "data"),
    "auto.create.topics.enable": false,
    // A restarted broker waits until its killed predecessor's registration has lapsed: 12 s by default, now 2.5 s.
    "broker.session.timeout.ms": 1_000,
    "broker.heartbeat.interval.ms": 200,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": Math.max(1, replicas - 1),
    "default.replication.factor": replicas,
    "min.insync.replicas": Math.max(1, replicas - 1),
    // The default would take half of the heap.
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    ...also?.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
