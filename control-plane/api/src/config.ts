// All that the control plane can be told from outside, each with its default, its unit and a sentence. It is the only place
// that reads the environment. An unknown `TOLLGATE_*` variable is refused, because a mistyped setting that is silently
// ignored is no setting; those of the other processes are known and skipped.

import { resolve } from "node:path";
import { ConfigProblem, settingProblem } from "@tollgate/kernel/config-problem";
import { isTollgateVariable, secretVariablePrefix } from "@tollgate/kernel/environment";
import {
  kafkaAccessOf,
  kafkaAccessProblems,
  kafkaAccessSettings,
  redactedKafkaAccess,
  type KafkaAccess,
} from "@tollgate/kernel/kafka-access";
import * as z from "zod";

const port = z.coerce.number().int().min(0).max(65_535);
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const usualGrpcPort = 9092;
/** What macOS takes; Linux takes a little more. */
const socketPathBytesMax = 103;
export const incarnationMax = 999_999_999;

export const settings = {
  TOLLGATE_HOST: z.string().min(1).default("127.0.0.1").describe("The address that all ports bind."),
  TOLLGATE_CONTROL_PORT: port.default(8081).describe("The admin API and health; 0 picks a free port."),
  TOLLGATE_CONTROL_ADMIN_PORT: port.default(9091).describe("Metrics and health; 0 picks a free port."),
  TOLLGATE_GRPC_PORT: port
    .optional()
    .describe("What proxies dial, over TLS; 0 picks a free port; unset: 9092, and none beside a socket."),
  TOLLGATE_GRPC_SOCKET: z
    .string()
    .min(1)
    .refine((path) => Buffer.byteLength(resolve(path)) <= socketPathBytesMax, {
      error: `is longer than the ${socketPathBytesMax} bytes that a socket's path may have`,
    })
    .optional()
    .describe("A Unix socket for proxies of the same user, who show `TOLLGATE_JOIN_TOKEN` there; unset: none."),
  TOLLGATE_DATA_DIR: z.string().min(1).default(".tollgate").describe("Where first-use tokens and keys are written."),
  TOLLGATE_DATABASE_URL: z
    .string({ error: "is needed" })
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .describe("The PostgreSQL that holds log, projections, secrets and usage."),
  TOLLGATE_JOIN_TOKEN: z
    .string()
    .min(16, "must have at least 16 characters")
    .optional()
    .describe("What a proxy shows on the socket, and nowhere else."),
  TOLLGATE_JOIN_TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("Where a first join token is written if the file holds none; unset: tokens are issued by the admin API."),
  TOLLGATE_JOIN_TOKEN_USES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe("Proxies that the first join token lets in."),
  TOLLGATE_CERTIFICATE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .default(86_400)
    .describe("Seconds that a proxy's certificate lives; it is renewed at half of them."),
  TOLLGATE_TLS_CERT: z
    .string()
    .min(1)
    .optional()
    .describe("A PEM file with the chain that proxies meet on the gRPC port; unset: one of our own authority."),
  TOLLGATE_TLS_KEY: z.string().min(1).optional().describe("A PEM file with the key of `TOLLGATE_TLS_CERT`."),
  TOLLGATE_KAFKA_BROKERS: list.default([]).describe("host:port, comma separated; unset: everything goes over gRPC."),
  ...kafkaAccessSettings,
  TOLLGATE_MASTER_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A file with 32 bytes in base64 or hexadecimal, which encrypt stored secrets; unset: master.key in the data directory.",
    ),
  TOLLGATE_ADMIN_TOKEN: z
    .string()
    .optional()
    .describe("A first admin token, tg_adm_…; unset: one is made and written to a file."),
  TOLLGATE_CONFIG: z.string().min(1).optional().describe("A tollgate.yaml that is applied at each start."),
  TOLLGATE_MCP_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("A client's server list, such as Claude Code's .mcp.json, that is imported at each start."),
  TOLLGATE_DRAIN_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(300_000)
    .default(0)
    .describe(
      "Milliseconds for which a program that is stopped serves on and says that it is not ready; behind a balancer, more than that needs to notice.",
    ),
  TOLLGATE_INCARNATION: z.coerce
    .number()
    .int()
    .min(1)
    .max(incarnationMax)
    .optional()
    .describe("After a restore from a backup: the log's next incarnation, so that proxies take its state anew."),
  TOLLGATE_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("The least level."),
};

export type Config = {
  host: string;
  controlPort: number;
  adminPort: number;
  /** Undefined: no port. */
  grpcPort: number | undefined;
  grpcSocket: { path: string; token: string } | undefined;
  joinTokenFile: string | undefined;
  joinTokenUsesMax: number;
  certificateMs: number;
  /** PEM files. */
  tls: { cert: string; key: string } | undefined;
  dataDir: string;
  databaseUrl: string;
  kafkaBrokers: readonly string[];
  kafkaAccess: KafkaAccess;
  masterKeyFile: string;
  adminToken: string | undefined;
  drainDelayMs: number;
  configurationFile: string | undefined;
  mcpFile: string | undefined;
  incarnation: number | undefined;
  logLevel: z.infer<(typeof settings)["TOLLGATE_LOG_LEVEL"]>;
  /** What the file that `configurationFile` names may refer to: whoever starts the process owns both. */
  variable: (name: string) => string | undefined;
  /** What a file that came over the API may refer to. */
  secretVariable: (name: string) => string | undefined;
};

/** What is wrong from outside: told in a sentence, and the process ends with code 2. */
type Environment = Readonly<Record<string, string | undefined>>;

export function loadConfig(env: Environment = process.env): Config {
  const set = Object.entries(env).filter(([name, value]) => name.startsWith("TOLLGATE_") && value !== "");
  const parsed = z.object(settings).safeParse(Object.fromEntries(set));
  const problems = [
    ...set.flatMap(([name]) => (isTollgateVariable(name) ? [] : [`${name} is not a setting`])),
    ...(parsed.error?.issues ?? []).map(settingProblem),
    ...(parsed.success ? problemsBetween(parsed.data) : []),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigProblem(problems.join("; "));
  return fromEnv(parsed.data, env);
}

type Data = z.infer<z.ZodObject<typeof settings>>;

function problemsBetween(data: Data): string[] {
  const problems = kafkaAccessProblems(data);
  if (data.TOLLGATE_GRPC_SOCKET !== undefined && data.TOLLGATE_JOIN_TOKEN === undefined)
    problems.push("TOLLGATE_JOIN_TOKEN is needed for TOLLGATE_GRPC_SOCKET");
  if ((data.TOLLGATE_TLS_CERT === undefined) !== (data.TOLLGATE_TLS_KEY === undefined))
    problems.push("TOLLGATE_TLS_CERT and TOLLGATE_TLS_KEY go together");
  return problems;
}

function fromEnv(data: Data, env: Environment): Config {
  const dataDir = resolve(data.TOLLGATE_DATA_DIR);
  const { TOLLGATE_GRPC_SOCKET: path, TOLLGATE_JOIN_TOKEN: token } = data;
  const { TOLLGATE_TLS_CERT: cert, TOLLGATE_TLS_KEY: key } = data;
  return {
    host: data.TOLLGATE_HOST,
    controlPort: data.TOLLGATE_CONTROL_PORT,
    adminPort: data.TOLLGATE_CONTROL_ADMIN_PORT,
    grpcPort: data.TOLLGATE_GRPC_PORT ?? (path === undefined ? usualGrpcPort : undefined),
    grpcSocket: path === undefined || token === undefined ? undefined : { path: resolve(path), token },
    joinTokenFile: data.TOLLGATE_JOIN_TOKEN_FILE && resolve(data.TOLLGATE_JOIN_TOKEN_FILE),
    joinTokenUsesMax: data.TOLLGATE_JOIN_TOKEN_USES_MAX,
    certificateMs: data.TOLLGATE_CERTIFICATE_SECONDS * 1_000,
    tls: cert === undefined || key === undefined ? undefined : { cert: resolve(cert), key: resolve(key) },
    dataDir,
    databaseUrl: data.TOLLGATE_DATABASE_URL,
    kafkaBrokers: data.TOLLGATE_KAFKA_BROKERS,
    kafkaAccess: kafkaAccessOf(data),
    masterKeyFile: resolve(
      dataDir,
      data.TOLLGATE_MASTER_KEY_FILE === undefined ? "master.key" : resolve(data.TOLLGATE_MASTER_KEY_FILE),
    ),
    drainDelayMs: data.TOLLGATE_DRAIN_DELAY_MS,
    adminToken: data.TOLLGATE_ADMIN_TOKEN,
    configurationFile: data.TOLLGATE_CONFIG,
    mcpFile: data.TOLLGATE_MCP_FILE,
    incarnation: data.TOLLGATE_INCARNATION,
    logLevel: data.TOLLGATE_LOG_LEVEL,
    variable: (name) => env[name],
    secretVariable: (name) => (name.startsWith(secretVariablePrefix) ? env[name] : undefined),
  };
}

/** For the one line at start. What is secret is said to be there, not what it is. */
export function redacted(config: Config): Record<string, unknown> {
  const url = URL.parse(config.databaseUrl);
  if (url) url.password = "";
  return {
    ...config,
    databaseUrl: url ? `${url.protocol}//${url.host}${url.pathname}` : "[redacted]",
    grpcSocket: config.grpcSocket?.path,
    kafkaAccess: redactedKafkaAccess(config.kafkaAccess),
    adminToken: config.adminToken === undefined ? undefined : "[redacted]",
  };
}
