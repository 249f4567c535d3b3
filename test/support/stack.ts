// The product as processes, for tests that span both planes: a control plane and any number of proxies, wired as in
// production, on a database (and brokers) that the test brings. Ports are chosen once and kept, so that a process that
// was killed comes back at the same address. Everything ends with its `await using` scope.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { AdminClient } from "./admin-client.ts";
import { freePorts } from "./ports.ts";
import { startProcess, type RunningProcess } from "./processes.ts";
import { until } from "./wait.ts";

const require = createRequire(import.meta.url);

export interface StackOptions {
  readonly databaseUrl: string;
  /** Absent: events and facts over gRPC. */
  readonly kafkaBrokers?: string;
  readonly proxies?: number;
  /** More control planes on the same database; proxies and the admin client dial the last. */
  readonly moreControls?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** One process of ours that may be killed and started again at the same address. */
export interface Member {
  readonly url: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  log(): string;
  /** `env` is for this start alone. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Stack extends AsyncDisposable {
  readonly control: Member;
  readonly controls: readonly Member[];
  readonly proxies: readonly Member[];
  readonly admin: AdminClient;
  readonly adminToken: string;
  readonly dir: string;
  proxy(index?: number): Member;
}

const readyMsMax = 60_000;

export async function startStack(options: StackOptions): Promise<Stack> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-stack-"));
  const adminToken = formatKey("adm", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));
  await writeFile(join(dir, "master.key"), randomBytes(32).toString("base64"), { mode: 0o600 });
  const common = {
    TOLLGATE_HOST: "127.0.0.1",
    TOLLGATE_JOIN_TOKEN: randomBytes(32).toString("base64url"),
    ...(options.kafkaBrokers === undefined ? {} : { TOLLGATE_KAFKA_BROKERS: options.kafkaBrokers }),
    ...options.env,
  };
  const members: Member[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop("SIGKILL")));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const controls: Member[] = [];
    let grpcPort = 0;
    for (let index = 0; index <= (options.moreControls ?? 0); index++) {
      const [port = 0, adminPort = 0, ownGrpcPort = 0] = await freePorts(3);
      grpcPort = ownGrpcPort;
      const folder = join(dir, index === 0 ? "control" : `control-${index}`);
      const one = member("control plane", "@tollgate/api/main", folder, [port, adminPort], {
        ...common,
        TOLLGATE_DATABASE_URL: options.databaseUrl,
        TOLLGATE_CONTROL_PORT: String(port),
        TOLLGATE_CONTROL_ADMIN_PORT: String(adminPort),
        TOLLGATE_GRPC_PORT: String(grpcPort),
        TOLLGATE_MASTER_KEY_FILE: join(dir, "master.key"),
        TOLLGATE_ADMIN_TOKEN: adminToken,
      });
      members.push(one);
      controls.push(one);
      await one.start();
    }
    const [control] = controls;
    const dialled = controls.at(-1);
    if (!control || !dialled) throw new Error("a stack has a control plane");
    const proxies: Member[] = [];
    for (let index = 0; index < (options.proxies ?? 1); index++) {
      const [port = 0, adminPort = 0] = await freePorts(2);
      const proxy = member(`proxy ${index}`, "@tollgate/proxy/main", join(dir, `proxy-${index}`), [port, adminPort], {
        ...common,
        TOLLGATE_CONTROL_URL: `http://127.0.0.1:${grpcPort}`,
        TOLLGATE_PROXY_PORT: String(port),
        TOLLGATE_PROXY_ADMIN_PORT: String(adminPort),
        TOLLGATE_PROXY_WORKERS: options.env?.["TOLLGATE_PROXY_WORKERS"] ?? "1",
      });
      members.push(proxy);
      proxies.push(proxy);
      await proxy.start();
    }
    return {
      control,
      controls,
      proxies,
      adminToken,
      dir,
      admin: new AdminClient(dialled.url, adminToken),
      proxy(index = 0) {
        const found = proxies[index];
        if (!found) throw new Error(`there is no proxy ${index}`);
        return found;
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function member(
  name: string,
  entry: string,
  dataDir: string,
  [port, adminPort]: readonly [number, number],
  env: Readonly<Record<string, string>>,
): Member {
  let running: RunningProcess | undefined;
  let log = "";
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    dataDir,
    get pid() {
      if (!running) throw new Error(`the ${name} is not running`);
      return running.pid;
    },
    log: () => log + (running?.log() ?? ""),
    async start(more = {}) {
      const started = await startProcess({
        name,
        args: ["--enable-source-maps", require.resolve(entry)],
        env: { ...env, ...more, TOLLGATE_DATA_DIR: dataDir },
      });
      running = started;
      await started.waitForLine(/"ready"/, readyMsMax);
      await until(async () => (await fetch(`${url}/readyz`)).ok, {
        what: `the ${name} to be ready`,
        timeoutMs: readyMsMax,
      });
    },
    async stop(signal = "SIGTERM") {
      const stopping = running;
      if (!stopping) return null;
      running = undefined;
      stopping.kill(signal);
      const { code } = await stopping.waitForExit(20_000);
      log += `${stopping.log()}\n`;
      // Workers of a killed primary are in its group; a real machine's crash takes them along, too.
      await stopping[Symbol.asyncDispose]();
      return code;
    },
  };
}
