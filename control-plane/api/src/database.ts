// The control plane's PostgreSQL: one pool behind `Sql`, transactions that are never half-done, LISTEN on a connection of
// its own, and the schema brought up to date on opening, by one process at a time. 64-bit columns come back as `bigint`.
// Rows that only screens read may be mapped by TypeORM (`dataSource`, a second small pool: TypeORM cannot be given ours,
// and its `query` answers an UPDATE in another shape than a SELECT). It retries nothing; who calls knows what may be repeated.

import { setTimeout as delay } from "node:timers/promises";
import { Client, Pool, types, type ClientConfig, type PoolClient } from "pg";
import { DataSource, type EntitySchema } from "typeorm";
import { migrations } from "./migrations/list.ts";

export type Sql = { query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> };

export type TransactionOptions = { isolation?: "read committed" | "repeatable read" };

export type Database = {
  /** Each query on some connection of the pool, in a transaction of its own. */
  sql: Sql;
  /** Commits when `fn` resolves, rolls back when it throws. `fn` must not use its `Sql` afterwards. */
  transaction<T>(fn: (sql: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Calls `fn` while no other process is in an `exclusive` of the same name; waits for its turn. `fn` may query on the very
   * connection that holds the turn, and so learns that the turn was lost.
   */
  exclusive<T>(name: string, fn: (sql: Sql) => Promise<T>, options?: ExclusiveOptions): Promise<T>;
  /** `onNotify` is also called, with an empty payload, after a connection was lost: something may have been missed. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
  dataSource: DataSource;
  close(): Promise<void>;
};

export type ExclusiveOptions = {
  /** Gives up waiting for the turn, and the connection with it. */
  signal?: AbortSignal;
  /** Who holds the turn and asks nothing for longer than this loses it. */
  idleMsMax?: number;
};

export type DatabaseOptions = { url: string; connectionsMax?: number; entities?: EntitySchema[] };

/** Of the pool. What may hold a connection for long is bounded as a part of it. */
export const usualConnectionsMax = 20;

const int8 = 20;
const int8Array = 1016;
const connectMsMax = 10_000;
/** A process that hangs in a transaction may hold the log's head: no other could write. */
const idleInTransactionMsMax = 60_000;
const relistenMs = 250;
const turnPollMs = 250;

const columnTypes: NonNullable<ClientConfig["types"]> = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === int8 && format !== "binary") return (text: string) => BigInt(text);
    if (oid === int8Array && format !== "binary")
      return (text: string) => (text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt));
    return types.getTypeParser(oid, format);
  },
};

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const config: ClientConfig = {
    connectionString: options.url,
    connectionTimeoutMillis: connectMsMax,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    application_name: "tollgate",
    keepAlive: true,
    types: columnTypes,
  };
  const exclusive: Database["exclusive"] = (name, fn, options) => withAdvisoryLock(config, name, fn, options);
  const dataSource = new DataSource({
    type: "postgres",
    url: options.url,
    entities: options.entities ?? [],
    migrations: [...migrations],
    migrationsTableName: "schema_migration",
    migrationsTransactionMode: "each",
    extra: { max: 4, types: columnTypes, connectionTimeoutMillis: connectMsMax },
  });
  await exclusive("migrations", async () => {
    await dataSource.initialize();
    const { driver } = dataSource;
    if ("master" in driver && driver.master instanceof Pool) surviveBrokenConnections(driver.master);
    await dataSource.runMigrations();
  }).catch(async (error: unknown) => {
    if (dataSource.isInitialized) await dataSource.destroy();
    throw error;
  });
  const pool = new Pool({ ...config, max: options.connectionsMax ?? usualConnectionsMax });
  surviveBrokenConnections(pool);
  return {
    sql: sqlOf(pool),
    transaction: (fn, transactionOptions) => inTransaction(pool, fn, transactionOptions),
    exclusive,
    listen: (channel, onNotify) => listen(config, channel, onNotify),
    dataSource,
    close: async () => {
      await dataSource.destroy();
      await pool.end();
    },
  };
}

/**
 * A broken connection is replaced by the pool and reported by the query that was on it. But pg tells of the break by an
 * event, and more than once (the server's last words, then the closed socket), while the pool listens for one only: without
 * a listener for as long as the connection lives, a killed database would take this process along.
 */
function surviveBrokenConnections(pool: Pool): void {
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
}

function sqlOf(client: Pick<Pool, "query">): Sql {
  return {
    async query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
      // The codec between SQL and TypeScript: the caller names the row that its own text selects.
      const { rows } = await client.query(text, values === undefined ? undefined : [...values]);
      return rows as Row[];
    },
  };
}

async function inTransaction<T>(
  pool: Pool,
  fn: (sql: Sql) => Promise<T>,
  { isolation = "read committed" }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  // A connection that breaks between two queries would otherwise end the process; the next query reports it.
  const onError = (): void => void (broken = true);
  client.on("error", onError);
  try {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    const result = await fn(sqlOf(client));
    const { command } = await client.query("COMMIT");
    // PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK and no error.
    if (command !== "COMMIT") throw new Error("the transaction was rolled back: a failed statement in it was ignored");
    return result;
  } catch (error) {
    broken = !(await rolledBack(client)) || broken;
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query("ROLLBACK");
    return true;
  } catch {
    // The failure that led here is thrown; this connection is given up, and with it the transaction.
    return false;
  }
}

/** On a connection of its own, whose end gives the lock back whatever happened. */
async function withAdvisoryLock<T>(
  config: ClientConfig,
  name: string,
  fn: (sql: Sql) => Promise<T>,
  { signal, idleMsMax }: ExclusiveOptions = {},
): Promise<T> {
  // Whoever may lose the turn while nobody looks must also notice a line that is dead.
  const client = new Client({ ...config, ...(idleMsMax === undefined ? {} : { query_timeout: idleMsMax }) });
  client.on("error", () => undefined);
  const giveUp = (): void => void client.end().catch(() => undefined);
  signal?.throwIfAborted();
  await client.connect();
  try {
    if (idleMsMax !== undefined)
      await client.query("SELECT set_config('idle_session_timeout', $1, false)", [String(idleMsMax)]);
    signal?.addEventListener("abort", giveUp);
    await takeTurn(client, `tollgate/${name}`, idleMsMax !== undefined);
    signal?.removeEventListener("abort", giveUp);
    return await fn(sqlOf(client));
  } finally {
    signal?.removeEventListener("abort", giveUp);
    await client.end();
  }
}

async function takeTurn(client: Client, name: string, isPolled: boolean): Promise<void> {
  if (!isPolled) {
    await client.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [name]);
    return;
  }
  // A query that waits for hours and one on a dead line look the same, so this one asks again and again.
  for (;;) {
    const { rows } = await client.query("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken", [name]);
    if (rows[0]?.taken === true) return;
    await delay(turnPollMs);
  }
}

async function listen(
  config: ClientConfig,
  channel: string,
  onNotify: (payload: string) => void,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  let current: Client | undefined;

  async function connect(): Promise<void> {
    const client = new Client(config);
    let isLost = false;
    const lost = (): void => {
      if (isLost) return;
      isLost = true;
      if (current === client) void reconnect();
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => onNotify(payload ?? ""));
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (isLost) throw new Error("the connection was lost as soon as it was made");
    current = client;
  }

  async function reconnect(): Promise<void> {
    current = undefined;
    while (!stopping.signal.aborted && current === undefined) {
      await delay(relistenMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      // Whatever refused will refuse again or come back; the poll of `log/wake.ts` is what nobody can miss.
      const isBack = await connect().then(
        () => true,
        () => false,
      );
      if (isBack) onNotify("");
    }
    if (stopping.signal.aborted) await endCurrent();
  }

  async function endCurrent(): Promise<void> {
    const client = current;
    current = undefined;
    await client?.end().catch(() => undefined);
  }

  await connect();
  return async () => {
    stopping.abort();
    await endCurrent();
  };
}

/** The connection failed, not the statement: what ran in it was rolled back unless it was being committed. */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // 08: connection exceptions; 57P: the server stops or starts; 53300: too many connections.
  if (/^(08|57P0)/.test(code) || code === "53300" || code === "25P03") return true;
  return (
    /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH)/.test(code) ||
    /^(Connection terminated|Client was closed|timeout exc)/.test(error.message)
  );
}
