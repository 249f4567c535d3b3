// All that the launcher can be told from outside, each with its default, its unit and a sentence. It is the only place of
// the launcher that reads the environment; settings of the programs that it starts are passed on to them, and an unknown
// `TOLLGATE_*` variable is refused before anything starts.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { settingProblem } from "@tollgate/kernel/config-problem";
import { isTollgateVariable } from "@tollgate/kernel/environment";
import { z } from "zod";
import { Problem } from "./problem.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const port = z.coerce.number().int().min(0).max(65_535);

export const settings = {
  TOLLGATE_DATA_DIR: z
    .string()
    .default(resolve(repository, ".tollgate"))
    .describe("Where everything is kept; by default `.tollgate` in the repository."),
  TOLLGATE_HOST: z.string().default("127.0.0.1").describe("The address that all ports bind."),
  TOLLGATE_PROXY_PORT: port.default(8080).describe("The public port of the gate; 0 picks a free one, for all ports."),
  TOLLGATE_PROXY_ADMIN_PORT: port.default(9090).describe("Health, metrics and debug of the proxy."),
  TOLLGATE_CONTROL_PORT: port.default(8081).describe("The admin API of the control plane."),
  TOLLGATE_CONTROL_ADMIN_PORT: port.default(9091).describe("Metrics of the control plane."),
  TOLLGATE_GRPC_PORT: port
    .optional()
    .describe(
      "A port for proxies on other machines, over TLS; unset: none. The proxy here finds the control plane by a socket.",
    ),
  TOLLGATE_CONFIG: z.string().optional().describe("A `tollgate.yaml` that is applied at each start."),
  TOLLGATE_MCP_FILE: z
    .string()
    .optional()
    .describe("A server list of Claude Code that is imported at each start; `--mcp` names one, too."),
  TOLLGATE_ADMIN_TOKEN: z
    .string()
    .optional()
    .describe("A first admin token (tg_adm_…), for automation; unset: one is made."),
  TOLLGATE_DATABASE_URL: z
    .string()
    .optional()
    .describe("A PostgreSQL to use; unset: one is run in the data directory."),
  TOLLGATE_MASTER_KEY_FILE: z
    .string()
    .optional()
    .describe("The key that encrypts stored secrets; unset: made in the data directory."),
  TOLLGATE_JOIN_TOKEN: z
    .string()
    .optional()
    .describe("What the proxy shows the control plane on their socket; unset: another at each start."),
  TOLLGATE_DRAIN_SECONDS: z.coerce
    .number()
    .min(0)
    .default(4)
    .describe("Seconds that calls in flight get at a stop; the launcher grants at most 4."),
} as const;

/** What only the control plane may see; everything else of ours goes to both programs. */
const controlPlaneOnly = /^TOLLGATE_(SECRET_.*|ADMIN_TOKEN|DATABASE_URL|MASTER_KEY_FILE|CONFIG|MCP_FILE)$/;
/** What a program needs of the machine. Nothing else of this environment reaches one. */
const ofTheMachine = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TZ",
  "LANG",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
] as const;
const drainSecondsMax = 4;

type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  readonly dataDir: string;
  readonly host: string;
  readonly ports: {
    readonly proxy: number;
    readonly proxyAdmin: number;
    readonly control: number;
    readonly controlAdmin: number;
    /** Undefined: none is opened. */
    readonly grpc: number | undefined;
  };
  readonly configurationFile: string | undefined;
  readonly mcpFile: string | undefined;
  readonly adminToken: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly masterKeyFile: string | undefined;
  readonly joinToken: string | undefined;
  readonly drainSeconds: number;
  /** Whether the demonstration's providers are wanted. */
  readonly isDemo: boolean;
  /** What each program inherits of this environment, before what the launcher itself decides. */
  readonly inherited: {
    readonly controlPlane: Readonly<Record<string, string>>;
    readonly proxy: Readonly<Record<string, string>>;
  };
  /** All of it, for what a configuration file refers to. */
  readonly environment: Environment;
}

export interface CommandLine {
  readonly mcpFile?: string;
  readonly isDemo?: boolean;
}

/** What the command line says goes before what the environment does. */
export function loadConfig(options: CommandLine = {}, environment: Environment = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        entry[0].startsWith("TOLLGATE_") && entry[1] !== undefined && entry[1] !== "",
    ),
  );
  const parsed = z.object(settings).safeParse(given);
  const problems = [
    ...Object.keys(given).flatMap((name) => (isTollgateVariable(name) ? [] : [`${name} is not a setting`])),
    ...(parsed.error?.issues ?? []).map(settingProblem),
  ];
  if (!parsed.success || problems.length > 0)
    throw new Problem(`The configuration is wrong: ${problems.join("; ")}.`, 2);
  const { data } = parsed;
  const machine = Object.fromEntries(
    ofTheMachine.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const shared = Object.fromEntries(Object.entries(given).filter(([name]) => !controlPlaneOnly.test(name)));
  return {
    dataDir: resolve(data.TOLLGATE_DATA_DIR),
    host: data.TOLLGATE_HOST,
    ports: {
      proxy: data.TOLLGATE_PROXY_PORT,
      proxyAdmin: data.TOLLGATE_PROXY_ADMIN_PORT,
      control: data.TOLLGATE_CONTROL_PORT,
      controlAdmin: data.TOLLGATE_CONTROL_ADMIN_PORT,
      grpc: data.TOLLGATE_GRPC_PORT,
    },
    configurationFile: data.TOLLGATE_CONFIG,
    mcpFile: options.mcpFile ?? data.TOLLGATE_MCP_FILE,
    adminToken: data.TOLLGATE_ADMIN_TOKEN,
    databaseUrl: data.TOLLGATE_DATABASE_URL,
    masterKeyFile: data.TOLLGATE_MASTER_KEY_FILE,
    joinToken: data.TOLLGATE_JOIN_TOKEN,
    isDemo: options.isDemo ?? false,
    drainSeconds: Math.min(data.TOLLGATE_DRAIN_SECONDS, drainSecondsMax),
    inherited: { controlPlane: { ...machine, ...given }, proxy: { ...machine, ...shared } },
    environment,
  };
}
