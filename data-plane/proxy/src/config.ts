// All that a proxy can be told from outside, each with its default, its unit and a sentence. It is the only place that
// reads the environment; primary and workers of one proxy read the same one. An unknown `TOLLGATE_*` variable is refused,
// because a mistyped limit that is silently ignored is no limit. Variables of the control plane are known here and skipped,
// so that one environment can start both.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { ConfigProblem, settingProblem } from "@tollgate/kernel/config-problem";
import { parseJoinToken } from "@tollgate/kernel/enrolment";
import {
  kafkaAccessOf,
  kafkaAccessProblems,
  kafkaAccessSettings,
  redactedKafkaAccess,
  type KafkaAccess,
} from "@tollgate/kernel/kafka-access";
import { limits } from "@tollgate/kernel/limits";
import { z } from "zod";

const port = z.coerce.number().int().min(0).max(65_535);
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);
/** Addresses to bind that mean all of them, and that nobody can dial from another machine. */
const allAddresses = new Set(["0.0.0.0", "::"]);
const atLeastOne = z.coerce.number().int().min(1);

export const settings = {
  TOLLGATE_HOST: z.string().min(1).default("127.0.0.1").describe("The address that the public and admin ports bind."),
  TOLLGATE_PROXY_PORT: port.default(8080).describe("The public port; 0 picks a free one."),
  TOLLGATE_PROXY_ADMIN_PORT: port.default(9090).describe("Health, metrics and debug; 0 picks a free one."),
  TOLLGATE_INTERNAL_PORT: port
    .optional()
    .describe(
      "Where other proxies bring the requests that this one has to answer, over mutual TLS; 0 picks a free one; unset: none, and none beside a socket.",
    ),
  TOLLGATE_INTERNAL_ADDRESS: z
    .string()
    .refine(isHostAndPort, "must be host:port")
    .optional()
    .describe("The host:port at which other proxies reach the internal port; unset: `TOLLGATE_HOST` and that port."),
  TOLLGATE_PROXY_WORKERS: atLeastOne
    .max(256)
    .default(Math.max(1, availableParallelism() - 1))
    .describe("Worker processes that share the public port; by default cores - 1, at least 1."),
  TOLLGATE_DATA_DIR: z
    .string()
    .min(1)
    .default(".tollgate")
    .describe("Where the proxy keeps its id, its spool and its sealed cache."),
  TOLLGATE_CONTROL_URL: z
    .string()
    .regex(/^(https:\/\/|unix:)/, "must begin with https:// or unix:")
    .default("https://127.0.0.1:9092")
    .describe("The control plane's gRPC address: `https://host:port`, or `unix:/path` on its own machine."),
  TOLLGATE_JOIN_TOKEN: z
    .string()
    .optional()
    .describe(
      "What the proxy joins with: a join token, tg_join_…; on a socket, what the control plane was given, too.",
    ),
  TOLLGATE_CACHE_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A file with 32 bytes in base64 or hexadecimal, which seal what a proxy keeps for a restart; unset: cache.key in the data directory, which protects from nobody who has the disk.",
    ),
  TOLLGATE_JOIN_TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A file with the join token; the control plane writes a first one there if the file holds none of its own.",
    ),
  TOLLGATE_TLS_CA: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A PEM file with the authorities of a control plane that brings its own certificate; unset: the join token says whom to believe.",
    ),
  TOLLGATE_KAFKA_BROKERS: list.default([]).describe("host:port, comma separated; unset: everything goes over gRPC."),
  ...kafkaAccessSettings,
  TOLLGATE_ENVIRONMENT: z.string().default("").describe("A label such as `production`, to which settings are bound."),
  TOLLGATE_REGION: z.string().default("").describe("A label for the fleet's overview."),
  TOLLGATE_REPLICA_AGE_MS_MAX: z.coerce
    .number()
    .int()
    .min(limits.replicaAgeMsMaxMin)
    .default(3_600_000)
    .describe(
      "Milliseconds, where its environment does not say. A proxy cut off for longer refuses: how long a revoked key can live.",
    ),
  TOLLGATE_LEDGER_AUTONOMY_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .default(3_600_000)
    .describe("Milliseconds. So long calls are paid for by what was lent to a proxy that does not hear of the ledger."),
  TOLLGATE_DRAIN_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(300_000)
    .default(0)
    .describe(
      "Milliseconds for which a program that is stopped serves on and says that it is not ready; behind a balancer, more than that needs to notice.",
    ),
  TOLLGATE_DRAIN_SECONDS: z.coerce.number().min(0).max(3_600).default(8).describe("Seconds that calls in flight get."),
  TOLLGATE_REQUEST_BYTES_MAX: atLeastOne
    .default(4 * 1024 * 1024)
    .describe("Bytes of the body of one request to a server."),
  TOLLGATE_MODEL_REQUEST_BYTES_MAX: atLeastOne
    .default(32 * 1024 * 1024)
    .describe("Bytes of the body of one call to a model, unpacked."),
  TOLLGATE_MODEL_BODIES_BYTES_MAX: atLeastOne
    .default(512 * 1024 * 1024)
    .describe(
      "Bytes of the bodies of calls to models that a worker holds at a time; a call for whose body there is no room is refused.",
    ),
  TOLLGATE_LIST_TIMEOUT_MS: atLeastOne
    .default(5_000)
    .describe("Milliseconds that one server may take for its part of a list before the list goes out without it."),
  TOLLGATE_LIST_BYTES_MAX: atLeastOne
    .default(4 * 1024 * 1024)
    .describe("Bytes of one page of a client's list; what does not fit is on the next page."),
  TOLLGATE_MESSAGE_BYTES_MAX: atLeastOne
    .default(16 * 1024 * 1024)
    .describe("Bytes of one message of a server; a call whose answer is larger fails."),
  TOLLGATE_SESSIONS_MAX: atLeastOne
    .default(20_000)
    .describe("Sessions of clients in a worker; beyond it the one that was used longest ago ends."),
  TOLLGATE_SESSIONS_PER_KEY_MAX: atLeastOne
    .default(1_000)
    .describe("Sessions of one key's clients in a worker; beyond it the one that was used longest ago ends."),
  TOLLGATE_SESSION_IDLE_MS_MAX: atLeastOne
    .default(4 * 3_600_000)
    .describe("Milliseconds after which a client's session that nobody uses ends."),
  TOLLGATE_STREAMS_MAX: atLeastOne.default(5_000).describe("Open streams of clients in a worker."),
  TOLLGATE_STREAMS_PER_KEY_MAX: atLeastOne.default(1_000).describe("Open streams of one key's clients in a worker."),
  TOLLGATE_STREAM_KEPT_BYTES_MAX: atLeastOne
    .default(256 * 1024)
    .describe("Bytes of one stream that are kept for a client that takes it up again."),
  TOLLGATE_PARKED_CALLS_MAX: atLeastOne
    .default(1_000)
    .describe("Calls in a worker that wait for what their clients were asked."),
  TOLLGATE_PARKED_CALLS_PER_KEY_MAX: atLeastOne
    .default(250)
    .describe("Calls of one key's clients in a worker that wait for what these were asked."),
  TOLLGATE_PARKED_MS_MAX: atLeastOne
    .default(600_000)
    .describe("Milliseconds that a call waits for what its client was asked; then its server is told to give it up."),
  TOLLGATE_LIST_GATHERED_BYTES_MAX: atLeastOne
    .default(64 * 1024 * 1024)
    .describe(
      "Bytes of all servers' lists that a worker receives at a time; a server for which there is no room is left out.",
    ),
  TOLLGATE_LIST_SERVER_BYTES_MAX: atLeastOne
    .default(4 * 1024 * 1024)
    .describe("Bytes of one server's list, all pages; a server with more is left out, of resources what is beyond."),
  TOLLGATE_LIST_SERVER_PAGES_MAX: atLeastOne
    .default(50)
    .describe("Pages of one server's list; a server with more is left out, of resources what is beyond."),
  TOLLGATE_LIST_SERVER_TOOLS_MAX: atLeastOne
    .default(5_000)
    .describe("Items in one server's list; a server with more is left out, of resources what is beyond."),
  TOLLGATE_SPOOL_BYTES_MAX: atLeastOne.default(256 * 1024 * 1024).describe("Bytes of facts kept on disk until stored."),
  TOLLGATE_ALLOWED_HOSTS: list.default([]).describe("Host headers taken besides loopback names on a loopback bind."),
  TOLLGATE_ALLOWED_ORIGINS: list
    .default([])
    .describe("Origins of browsers that may call, such as https://tools.acme.eu."),
  TOLLGATE_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("The least level."),
};

/** Of the control plane, the launcher and the tests: known, not read here. */
const foreign = new Set(
  ["CONTROL_PORT", "CONTROL_ADMIN_PORT", "GRPC_PORT", "CONFIG", "DATABASE_URL", "ADMIN_TOKEN", "MASTER_KEY_FILE"]
    .concat(["CERTIFICATE_SECONDS", "GRPC_SOCKET", "JOIN_TOKEN_USES_MAX", "INCARNATION"])
    .concat(["TLS_CERT", "TLS_KEY", "TEST_KAFKA"])
    .map((name) => `TOLLGATE_${name}`),
);
const foreignPrefixes = ["TOLLGATE_SECRET_"];

function isHostAndPort(text: string): boolean {
  const [, port] = /^(?:[0-9a-z](?:[0-9a-z._-]*[0-9a-z])?|\[[0-9a-f:.]+\]):([0-9]{1,5})$/i.exec(text) ?? [];
  return Number(port) >= 1 && Number(port) <= 65_535;
}

export type Config = {
  host: string;
  proxyPort: number;
  adminPort: number;
  /** Undefined: there is none. */
  internalPort: number | undefined;
  /** host:port. Undefined: the host that is bound, and the internal port. */
  internalAddress: string | undefined;
  workers: number;
  dataDir: string;
  controlUrl: string;
  joinToken: { text: string } | { file: string };
  tlsCa: string | undefined;
  /** Absolute. */
  cacheKeyFile: string | undefined;
  kafkaBrokers: readonly string[];
  kafkaAccess: KafkaAccess;
  environment: string;
  region: string;
  replicaAgeMsMax: number;
  ledgerAutonomyMs: number;
  drainDelayMs: number;
  drainMs: number;
  requestBytesMax: number;
  modelRequestBytesMax: number;
  modelBodiesBytesMax: number;
  listTimeoutMs: number;
  listBytesMax: number;
  messageBytesMax: number;
  sessionsMax: number;
  sessionsPerKeyMax: number;
  sessionIdleMsMax: number;
  streamsMax: number;
  streamsPerKeyMax: number;
  streamKeptBytesMax: number;
  parkedCallsMax: number;
  parkedCallsPerKeyMax: number;
  parkedMsMax: number;
  listGatheredBytesMax: number;
  listServerBytesMax: number;
  listServerPagesMax: number;
  listServerToolsMax: number;
  spoolBytesMax: number;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
  logLevel: "debug" | "info" | "warn" | "error" | "silent";
};

export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const set = Object.entries(env).filter(([name, value]) => name.startsWith("TOLLGATE_") && value !== "");
  const unknown = set.map(([name]) => name).filter((name) => !isKnown(name));
  const parsed = z.object(settings).safeParse(Object.fromEntries(set));
  const problems = [
    ...unknown.map((name) => `${name} is not a setting`),
    ...(parsed.error?.issues ?? []).map(settingProblem),
    ...(parsed.success
      ? [...joinTokenProblems(parsed.data), ...internalProblems(parsed.data), ...kafkaAccessProblems(parsed.data)]
      : []),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigProblem(problems.join("; "));
  return fromEnv(parsed.data);
}

/** What a stdio server's program gets of our environment, and nothing else: what a program needs to find itself at home. */
const inheritedNames = /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_[A-Z]+|TZ|TMPDIR)$/;

export function inheritedByPrograms(
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlyMap<string, string> {
  const inherited = new Map<string, string>();
  for (const [name, value] of Object.entries(env))
    // A shell's exported function is code.
    if (value !== undefined && inheritedNames.test(name) && !value.startsWith("()")) inherited.set(name, value);
  return inherited;
}

function isKnown(name: string): boolean {
  return name in settings || foreign.has(name) || foreignPrefixes.some((prefix) => name.startsWith(prefix));
}

type Data = z.infer<z.ZodObject<typeof settings>>;

function joinTokenProblems({ TOLLGATE_CONTROL_URL: url, ...data }: Data): string[] {
  const { TOLLGATE_JOIN_TOKEN: text, TOLLGATE_JOIN_TOKEN_FILE: file } = data;
  if (url.startsWith("unix:")) return text === undefined ? ["TOLLGATE_JOIN_TOKEN is needed"] : [];
  if (text === undefined)
    return file === undefined ? ["TOLLGATE_JOIN_TOKEN is needed, or TOLLGATE_JOIN_TOKEN_FILE"] : [];
  return parseJoinToken(text)
    ? []
    : ["TOLLGATE_JOIN_TOKEN is no join token: its form or its check characters are wrong"];
}

function internalProblems({ TOLLGATE_CONTROL_URL: url, ...data }: Data): string[] {
  const { TOLLGATE_INTERNAL_PORT: port, TOLLGATE_INTERNAL_ADDRESS: address, TOLLGATE_HOST: host } = data;
  if (url.startsWith("unix:")) return [];
  if (address !== undefined && port === undefined)
    return ["TOLLGATE_INTERNAL_ADDRESS is of no use without TOLLGATE_INTERNAL_PORT"];
  if (address === undefined && port !== undefined && allAddresses.has(host))
    return [`TOLLGATE_INTERNAL_ADDRESS is needed: TOLLGATE_HOST is ${host}, which other proxies cannot dial`];
  return [];
}

function fromEnv(env: Data): Config {
  return {
    host: env.TOLLGATE_HOST,
    proxyPort: env.TOLLGATE_PROXY_PORT,
    adminPort: env.TOLLGATE_PROXY_ADMIN_PORT,
    // A socket's proxy has no certificate to show, and no other proxy on its control plane.
    internalPort: env.TOLLGATE_CONTROL_URL.startsWith("unix:") ? undefined : env.TOLLGATE_INTERNAL_PORT,
    internalAddress: env.TOLLGATE_INTERNAL_ADDRESS,
    workers: env.TOLLGATE_PROXY_WORKERS,
    dataDir: resolve(env.TOLLGATE_DATA_DIR),
    controlUrl: env.TOLLGATE_CONTROL_URL,
    joinToken:
      env.TOLLGATE_JOIN_TOKEN === undefined
        ? { file: resolve(env.TOLLGATE_JOIN_TOKEN_FILE ?? "") }
        : { text: env.TOLLGATE_JOIN_TOKEN },
    tlsCa: env.TOLLGATE_TLS_CA && resolve(env.TOLLGATE_TLS_CA),
    cacheKeyFile: env.TOLLGATE_CACHE_KEY_FILE === undefined ? undefined : resolve(env.TOLLGATE_CACHE_KEY_FILE),
    kafkaBrokers: env.TOLLGATE_KAFKA_BROKERS,
    kafkaAccess: kafkaAccessOf(env),
    environment: env.TOLLGATE_ENVIRONMENT,
    region: env.TOLLGATE_REGION,
    replicaAgeMsMax: env.TOLLGATE_REPLICA_AGE_MS_MAX,
    ledgerAutonomyMs: env.TOLLGATE_LEDGER_AUTONOMY_MS,
    drainDelayMs: env.TOLLGATE_DRAIN_DELAY_MS,
    drainMs: env.TOLLGATE_DRAIN_SECONDS * 1_000,
    requestBytesMax: env.TOLLGATE_REQUEST_BYTES_MAX,
    modelRequestBytesMax: env.TOLLGATE_MODEL_REQUEST_BYTES_MAX,
    modelBodiesBytesMax: env.TOLLGATE_MODEL_BODIES_BYTES_MAX,
    listTimeoutMs: env.TOLLGATE_LIST_TIMEOUT_MS,
    listBytesMax: env.TOLLGATE_LIST_BYTES_MAX,
    messageBytesMax: env.TOLLGATE_MESSAGE_BYTES_MAX,
    sessionsMax: env.TOLLGATE_SESSIONS_MAX,
    sessionsPerKeyMax: env.TOLLGATE_SESSIONS_PER_KEY_MAX,
    sessionIdleMsMax: env.TOLLGATE_SESSION_IDLE_MS_MAX,
    streamsMax: env.TOLLGATE_STREAMS_MAX,
    streamsPerKeyMax: env.TOLLGATE_STREAMS_PER_KEY_MAX,
    streamKeptBytesMax: env.TOLLGATE_STREAM_KEPT_BYTES_MAX,
    parkedCallsMax: env.TOLLGATE_PARKED_CALLS_MAX,
    parkedCallsPerKeyMax: env.TOLLGATE_PARKED_CALLS_PER_KEY_MAX,
    parkedMsMax: env.TOLLGATE_PARKED_MS_MAX,
    listGatheredBytesMax: env.TOLLGATE_LIST_GATHERED_BYTES_MAX,
    listServerBytesMax: env.TOLLGATE_LIST_SERVER_BYTES_MAX,
    listServerPagesMax: env.TOLLGATE_LIST_SERVER_PAGES_MAX,
    listServerToolsMax: env.TOLLGATE_LIST_SERVER_TOOLS_MAX,
    spoolBytesMax: env.TOLLGATE_SPOOL_BYTES_MAX,
    allowedHosts: env.TOLLGATE_ALLOWED_HOSTS,
    allowedOrigins: env.TOLLGATE_ALLOWED_ORIGINS,
    logLevel: env.TOLLGATE_LOG_LEVEL,
  };
}

/** For the one line at start. What is secret is said to be there, not what it is. */
export function redacted(config: Config): Record<string, unknown> {
  const kafkaAccess = redactedKafkaAccess(config.kafkaAccess);
  return { ...config, kafkaAccess, joinToken: "file" in config.joinToken ? config.joinToken : "[redacted]" };
}
