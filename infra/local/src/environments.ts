// The environments of the two programs: what they inherit, then what the launcher decides. It also reads the addresses in
// their ready lines, because a port that was picked at the first start has to be the same after a restart: others know it
// by then.
import type { Config } from "./config.ts";

/** What a program says when it is ready: addresses by name. */
export type ReadyLine = Readonly<Record<string, string>>;

export interface StartConfiguration {
  /** Undefined: nothing is applied. */
  readonly path: string | undefined;
  /** A server list; undefined: none is imported. */
  readonly mcpPath: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** False for what only a first start gets: a restart of the program is none. */
  readonly isForEachStart: boolean;
}

interface Common {
  readonly config: Config;
  readonly dataDir: string;
  readonly joinToken: string;
  /** Where the two find each other. */
  readonly socketPath: string;
  /** The program's ready line of before it was restarted. */
  readonly former: ReadyLine | undefined;
}

export interface ControlPlaneInput extends Common {
  readonly configuration: StartConfiguration;
  readonly databaseUrl: string;
  readonly masterKeyFile: string;
}

export function controlPlaneEnvironment(input: ControlPlaneInput): Record<string, string> {
  const { config, dataDir, joinToken, socketPath, former, configuration, databaseUrl, masterKeyFile } = input;
  const isApplied = configuration.path !== undefined && (configuration.isForEachStart || former === undefined);
  return {
    ...config.inherited.controlPlane,
    ...configuration.variables,
    ...(isApplied ? { TOLLGATE_CONFIG: configuration.path } : {}),
    ...(configuration.mcpPath === undefined ? {} : { TOLLGATE_MCP_FILE: configuration.mcpPath }),
    TOLLGATE_DATA_DIR: dataDir,
    TOLLGATE_HOST: config.host,
    TOLLGATE_CONTROL_PORT: portOf(former?.["control"], config.ports.control),
    TOLLGATE_CONTROL_ADMIN_PORT: portOf(former?.["controlAdmin"], config.ports.controlAdmin),
    ...(config.ports.grpc === undefined ? {} : { TOLLGATE_GRPC_PORT: portOf(former?.["grpc"], config.ports.grpc) }),
    TOLLGATE_GRPC_SOCKET: socketPath,
    TOLLGATE_DATABASE_URL: databaseUrl,
    TOLLGATE_MASTER_KEY_FILE: masterKeyFile,
    TOLLGATE_JOIN_TOKEN: joinToken,
    TOLLGATE_DRAIN_DELAY_MS: "0",
  };
}

export function proxyEnvironment({ config, dataDir, joinToken, socketPath, former }: Common): Record<string, string> {
  return {
    ...config.inherited.proxy,
    TOLLGATE_DATA_DIR: dataDir,
    TOLLGATE_HOST: config.host,
    TOLLGATE_PROXY_PORT: portOf(former?.["proxy"], config.ports.proxy),
    TOLLGATE_PROXY_ADMIN_PORT: portOf(former?.["proxyAdmin"], config.ports.proxyAdmin),
    TOLLGATE_CONTROL_URL: `unix:${socketPath}`,
    TOLLGATE_JOIN_TOKEN: joinToken,
    // There is no balancer, and a stop has to be over soon.
    TOLLGATE_DRAIN_DELAY_MS: "0",
    TOLLGATE_DRAIN_SECONDS: String(config.drainSeconds),
  };
}

export function urlFrom(ready: ReadyLine, name: string): string {
  const address = ready[name];
  if (address === undefined) throw new Error(`a ready line lacks ${name}: ${JSON.stringify(ready)}`);
  // An address that means "all" is none that a client can dial everywhere.
  return address.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:");
}

function portOf(formerAddress: string | undefined, configured: number): string {
  return formerAddress === undefined ? String(configured) : new URL(formerAddress).port;
}
