// All that tests read from the environment, in one place. It starts nothing and keeps no defaults that a test could
// mistake for a setting: what is unset is undefined.

/** Admin URL of the PostgreSQL that all spec files of a run share; made by the run's first owner if unset. */
export const postgresUrlVariable = "TOLLGATE_TEST_POSTGRES";

export interface TestEnvironment {
  readonly postgresUrl: string | undefined;
  /** TOLLGATE_TEST_KAFKA: brokers (host:port, with commas) to use in place of one of our own. */
  readonly kafkaBrokers: string | undefined;
  /** TOLLGATE_TEST_SEED: the seed that a failing run printed. */
  readonly seed: string | undefined;
  /** TOLLGATE_TEST_SCALE: how many times as much as in their short form tests do that can be made longer. */
  readonly scale: number;
  /** CI=true: what cannot be tested for want of a real part is a failure. */
  readonly isCi: boolean;
  /** Where the programs are that tests start (node, java, mvn). */
  readonly path: string;
  readonly home: string;
}

export function testEnvironment(): TestEnvironment {
  const { env } = process;
  return {
    postgresUrl: given(env[postgresUrlVariable]),
    kafkaBrokers: given(env["TOLLGATE_TEST_KAFKA"]),
    seed: given(env["TOLLGATE_TEST_SEED"]),
    scale: Number(given(env["TOLLGATE_TEST_SCALE"]) ?? 1),
    isCi: env["CI"] === "true",
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    home: env["HOME"] ?? "/",
  };
}

/** What the conformance suite tells the client that it starts; the context is JSON. */
export function scenarioEnvironment(): { readonly scenario: string; readonly context: string | undefined } {
  const { env } = process;
  return { scenario: env["MCP_CONFORMANCE_SCENARIO"] ?? "", context: given(env["MCP_CONFORMANCE_CONTEXT"]) };
}

/** For a program that shall find all that this one was given, and more. */
export function inheritedWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}

/** For the processes that start after this one, such as the workers of vitest. */
export function announcePostgres(url: string | undefined): void {
  if (url === undefined) delete process.env[postgresUrlVariable];
  else process.env[postgresUrlVariable] = url;
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
