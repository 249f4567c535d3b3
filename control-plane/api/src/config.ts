// All that the control plane can be told from outside, each with its default, its unit and a sentence. It is the only place
// that reads the environment. An unknown `TOLLGATE_*` variable is refused, because a mistyped setting that is silently
// ignored is no setting; those of the other processes are known and skipped. What a later version will read is refused, too,
// where ignoring it would leave somebody less safe than he thinks.

import { resolve } from "node:path";
import { isTollgateVariable, secretVariablePrefix } from "@tollgate/kernel/environment";
import * as z from "zod";

const port = z.coerce.number().int().min(0).max(65_535);
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

export const settings = {
  TOLLGATE_HOST: z.string().min(1).default("127.0.0.1").describe("The address that all ports bind."),
  TOLLGATE_CONTROL_PORT: port.default(8081).describe("The admin API and health; 0 picks a free port."),
  TOLLGATE_CONTROL_ADMIN_PORT: port.default(9091).describe("Metrics and health; 0 picks a free port."),
  TOLLGATE_GRPC_PORT: port.default(9092).describe("What proxies dial; 0 picks a free port."),
  TOLLGATE_DATA_DIR: z.string().min(1).default(".tollgate").describe("Where first-use tokens and keys are written."),
  TOLLGATE_DATABASE_URL: z
    .string({ error: "is needed" })
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .describe("The PostgreSQL that holds log, projections, secrets and usage."),
  TOLLGATE_JOIN_TOKEN: z
    .string({ error: "is needed" })
    .min(16, "must have at least 16 characters")
    .describe("What a proxy shows to join."),
  TOLLGATE_KAFKA_BROKERS: list.default([]).describe("host:port, comma separated; unset: everything goes over gRPC."),
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
  TOLLGATE_INCARNATION: z.coerce
    .number()
    .int()
    .min(1)
    .max(999_999_999)
    .optional()
    .describe("After a restore from a backup: the log's next incarnation, so that proxies take its state anew."),
  TOLLGATE_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("The least level."),
};

const later = /^TOLLGATE_(TLS_(CA|CERT|KEY)|KAFKA_(SASL|TLS)_.+)$/;

export type Config = {
  host: string;
  controlPort: number;
  adminPort: number;
  grpcPort: number;
  dataDir: string;
  databaseUrl: string;
  joinToken: string;
  kafkaBrokers: readonly string[];
  masterKeyFile: string;
  adminToken: string | undefined;
  configurationFile: string | undefined;
  incarnation: number | undefined;
  logLevel: z.infer<(typeof settings)["TOLLGATE_LOG_LEVEL"]>;
  /** What the file that `configurationFile` names may refer to: whoever starts the process owns both. */
  variable: (name: string) => string | undefined;
  /** What a file that came over the API may refer to. */
  secretVariable: (name: string) => string | undefined;
};

/** What is wrong from outside: told in a sentence, and the process ends with code 2. */
export class ConfigProblem extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

export function loadConfig(env: Environment = process.env): Config {
  const set = Object.entries(env).filter(([name, value]) => name.startsWith("TOLLGATE_") && value !== "");
  const parsed = z.object(settings).safeParse(Object.fromEntries(set));
  const problems = [
    ...set.flatMap(([name]) => (isTollgateVariable(name) ? [] : [`${name} is not a setting`])),
    ...set.flatMap(([name]) => (later.test(name) ? [`${name} is not supported by this version yet`] : [])),
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join(".")} ${issue.message}`),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigProblem(problems.join("; "));
  return fromEnv(parsed.data, env);
}

function fromEnv(data: z.infer<z.ZodObject<typeof settings>>, env: Environment): Config {
  const dataDir = resolve(data.TOLLGATE_DATA_DIR);
  return {
    host: data.TOLLGATE_HOST,
    controlPort: data.TOLLGATE_CONTROL_PORT,
    adminPort: data.TOLLGATE_CONTROL_ADMIN_PORT,
    grpcPort: data.TOLLGATE_GRPC_PORT,
    dataDir,
    databaseUrl: data.TOLLGATE_DATABASE_URL,
    joinToken: data.TOLLGATE_JOIN_TOKEN,
    kafkaBrokers: data.TOLLGATE_KAFKA_BROKERS,
    masterKeyFile: resolve(
      dataDir,
      data.TOLLGATE_MASTER_KEY_FILE === undefined ? "master.key" : resolve(data.TOLLGATE_MASTER_KEY_FILE),
    ),
    adminToken: data.TOLLGATE_ADMIN_TOKEN,
    configurationFile: data.TOLLGATE_CONFIG,
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
    joinToken: "[redacted]",
    adminToken: config.adminToken === undefined ? undefined : "[redacted]",
  };
}
