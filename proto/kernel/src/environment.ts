// The names of all environment variables that belong to Tollgate, whichever process reads them. Each process has its own
// `config.ts` with defaults, units and sentences; this list is what lets it tell a mistyped name, which refuses its start,
// from a setting of its neighbour, so that one environment can start them all.

const names: ReadonlySet<string> = new Set(
  [
    "ADMIN_TOKEN",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "CACHE_KEY_FILE",
    "CERTIFICATE_SECONDS",
    "CONFIG",
    "CONTROL_ADMIN_PORT",
    "CONTROL_PORT",
    "CONTROL_URL",
    "DATABASE_URL",
    "DATA_DIR",
    "DRAIN_DELAY_MS",
    "DRAIN_SECONDS",
    "ENVIRONMENT",
    "GRPC_PORT",
    "GRPC_SOCKET",
    "HOST",
    "INCARNATION",
    "INTERNAL_ADDRESS",
    "INTERNAL_PORT",
    "JOIN_TOKEN",
    "JOIN_TOKEN_FILE",
    "JOIN_TOKEN_USES_MAX",
    "KAFKA_BROKERS",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SASL_PASSWORD_FILE",
    "KAFKA_SASL_USERNAME",
    "KAFKA_TLS_CA",
    "KAFKA_TLS_CERT",
    "KAFKA_TLS_KEY",
    "LEDGER_AUTONOMY_MS",
    "LIST_BYTES_MAX",
    "LIST_GATHERED_BYTES_MAX",
    "LIST_SERVER_BYTES_MAX",
    "LIST_SERVER_PAGES_MAX",
    "LIST_SERVER_TOOLS_MAX",
    "LIST_TIMEOUT_MS",
    "LOG_LEVEL",
    "MASTER_KEY_FILE",
    "MCP_FILE",
    "MESSAGE_BYTES_MAX",
    "MODEL_BODIES_BYTES_MAX",
    "MODEL_REQUEST_BYTES_MAX",
    "PARKED_CALLS_MAX",
    "PARKED_CALLS_PER_KEY_MAX",
    "PARKED_MS_MAX",
    "PROXY_ADMIN_PORT",
    "PROXY_PORT",
    "PROXY_WORKERS",
    "REGION",
    "REPLICA_AGE_MS_MAX",
    "REQUEST_BYTES_MAX",
    "SESSIONS_MAX",
    "SESSIONS_PER_KEY_MAX",
    "SESSION_IDLE_MS_MAX",
    "SPOOL_BYTES_MAX",
    "STREAMS_MAX",
    "STREAMS_PER_KEY_MAX",
    "STREAM_KEPT_BYTES_MAX",
    "TLS_CA",
    "TLS_CERT",
    "TLS_KEY",
  ].map((name) => `TOLLGATE_${name}`),
);

/** Families whose members are not listed. */
const prefixes = ["TOLLGATE_SECRET_", "TOLLGATE_TEST_"] as const;

export const secretVariablePrefix = "TOLLGATE_SECRET_";

/** Whether some process of ours reads the variable, or may. */
export function isTollgateVariable(name: string): boolean {
  return names.has(name) || prefixes.some((prefix) => name.startsWith(prefix) && name.length > prefix.length);
}
