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
import { startBalancer } from "./balancer.ts";
import { knownVariables, type Part } from "./former-version.ts";
import { freePorts } from "./ports.ts";
import { startProcess, type RunningProcess } from "./processes.ts";
import { startSlowPath } from "./slow-path.ts";
import { until } from "./wait.ts";

const require = createRequire(import.meta.url);

export interface StackOptions {
  readonly databaseUrl: string;
  /** Absent: events and facts over gRPC. */
  readonly kafkaBrokers?: string;
  /** Others than the control plane's, for the proxies: a mirror in another region. */
  readonly proxyKafkaBrokers?: string;
  readonly proxies?: number;
  /** Two stand side by side on the database; proxies reach them through a balancer. */
  readonly hasSecondControl?: boolean;
  /** More control planes on the same database; proxies and the admin client dial the last. */
  readonly moreControls?: number;
  /** The root of another version, whose control plane it is. */
  readonly controlRoot?: string;
  /** How far away the control plane is from the proxies, one way. */
  readonly controlAwayMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** One process of ours that may be killed and started again at the same address. */
export interface Member {
  readonly url: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  log(): string;
  start(options?: StartOptions): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface StartOptions {
  /** No file may be larger: what a process meets there is what it meets on a full disk. */
  readonly fileBytesMax?: number;
  /** False: it will not be ready; it is enough that it answers. */
  readonly isReady?: boolean;
  /** Of the present version from now on, whichever it was of. */
  readonly isUpgraded?: boolean;
  /** For this start alone. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Stack extends AsyncDisposable {
  readonly control: Member;
  /** All of them, `control` first. */
  readonly controls: readonly Member[];
  readonly proxies: readonly Member[];
  readonly admin: AdminClient;
  readonly adminToken: string;
  readonly dir: string;
  proxy(index?: number): Member;
  /** One more, on this data directory, of another version if its root is given; not started. */
  addProxy(dataDir: string, root?: string): Promise<Member>;
}

const readyMsMax = 60_000;

export async function startStack(options: StackOptions): Promise<Stack> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-stack-"));
  const adminToken = formatKey("adm", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));
  await writeFile(join(dir, "master.key"), randomBytes(32).toString("base64"), { mode: 0o600 });
  const common = {
    TOLLGATE_JOIN_TOKEN_USES_MAX: String(Math.max(1, options.proxies ?? 1)),
    TOLLGATE_HOST: "127.0.0.1",
    // The control plane writes it, the proxies read it: as with containers that share a volume.
    TOLLGATE_JOIN_TOKEN_FILE: join(dir, "join-token"),
    ...(options.kafkaBrokers === undefined ? {} : { TOLLGATE_KAFKA_BROKERS: options.kafkaBrokers }),
    ...options.env,
  };
  const members: Member[] = [];
  const between = new AsyncDisposableStack();
  const dispose = async (): Promise<void> => {
    await between.disposeAsync();
    await Promise.all(members.map((member) => member.stop("SIGKILL")));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const startControl = async (name: string) => {
      const [port = 0, adminPort = 0, grpcPort = 0] = await freePorts(3);
      const versionIn = (root: string | undefined) =>
        versionOf("control-plane/api", root, {
          ...common,
          TOLLGATE_DATABASE_URL: options.databaseUrl,
          TOLLGATE_CONTROL_PORT: String(port),
          TOLLGATE_CONTROL_ADMIN_PORT: String(adminPort),
          TOLLGATE_GRPC_PORT: String(grpcPort),
          TOLLGATE_MASTER_KEY_FILE: join(dir, "master.key"),
          TOLLGATE_ADMIN_TOKEN: adminToken,
        });
      const [version, present] = [await versionIn(options.controlRoot), await versionIn(undefined)];
      const started = member(name, version, join(dir, name.replaceAll(" ", "-")), [port, adminPort], present);
      members.push(started);
      await started.start();
      return { control: started, grpc: { port: grpcPort, probeUrl: `${started.url}/readyz` } };
    };
    const controls = [await startControl("control plane")];
    const more = options.hasSecondControl === true ? 1 : (options.moreControls ?? 0);
    for (let index = 1; index <= more; index++) controls.push(await startControl(`control plane ${index}`));
    const [first] = controls;
    const dialled = controls.at(-1);
    if (!first || !dialled) throw new Error("a stack has a control plane");
    const { control } = first;
    const entry =
      options.hasSecondControl === true
        ? between.use(await startBalancer(controls.map(({ grpc }) => grpc)))
        : undefined;
    const nearPort = entry?.port ?? dialled.grpc.port;
    const awayMs = options.controlAwayMs;
    const grpcPort = awayMs === undefined ? nearPort : between.use(await startSlowPath(nearPort, awayMs)).port;
    const addProxy = async (dataDir: string, root?: string): Promise<Member> => {
      const [port = 0, adminPort = 0] = await freePorts(2);
      const version = await versionOf("data-plane/proxy", root, {
        ...common,
        TOLLGATE_CONTROL_URL: `https://127.0.0.1:${grpcPort}`,
        ...(options.proxyKafkaBrokers === undefined ? {} : { TOLLGATE_KAFKA_BROKERS: options.proxyKafkaBrokers }),
        TOLLGATE_PROXY_PORT: String(port),
        TOLLGATE_PROXY_ADMIN_PORT: String(adminPort),
        TOLLGATE_PROXY_WORKERS: options.env?.["TOLLGATE_PROXY_WORKERS"] ?? "1",
      });
      const proxy = member(`proxy in ${dataDir}`, version, dataDir, [port, adminPort]);
      members.push(proxy);
      return proxy;
    };
    const proxies: Member[] = [];
    for (let index = 0; index < (options.proxies ?? 1); index++) {
      const proxy = await addProxy(join(dir, `proxy-${index}`));
      proxies.push(proxy);
      await proxy.start();
    }
    return {
      control,
      controls: controls.map((one) => one.control),
      proxies,
      adminToken,
      dir,
      addProxy,
      admin: new AdminClient(dialled.control.url, adminToken),
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

/** The shell counts in blocks of a KiB; SIGXFSZ, which would end the process, is ignored as it is on a full disk. */
function limited(fileBytesMax: number, args: readonly string[]): { command: string; args: readonly string[] } {
  const script = `trap '' XFSZ; ulimit -f ${Math.ceil(fileBytesMax / 1_024)}; exec "$0" "$@"`;
  return { command: "bash", args: ["-c", script, process.execPath, ...args] };
}

type Version = { readonly entry: string; readonly env: Readonly<Record<string, string>> };

const present = { "control-plane/api": "@tollgate/api/main", "data-plane/proxy": "@tollgate/proxy/main" } as const;

/** A former version is told nothing that it does not know yet. */
async function versionOf(part: Part, root: string | undefined, env: Version["env"]): Promise<Version> {
  if (root === undefined) return { entry: require.resolve(present[part]), env };
  return { entry: join(root, part, "dist", "main.js"), env: await knownVariables(root, env, part) };
}

function member(
  name: string,
  version: Version,
  dataDir: string,
  [port, adminPort]: readonly [number, number],
  present = version,
): Member {
  let { entry, env } = version;
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
    async start({ fileBytesMax, isReady = true, isUpgraded = false, env: more } = {}) {
      if (isUpgraded) ({ entry, env } = present);
      const args = ["--enable-source-maps", entry];
      const started = await startProcess({
        name,
        ...(fileBytesMax === undefined ? { args } : limited(fileBytesMax, args)),
        env: { ...env, ...more, TOLLGATE_DATA_DIR: dataDir },
      });
      running = started;
      if (isReady) await started.waitForLine(/"ready"/, readyMsMax);
      await until(async () => (await fetch(`${url}${isReady ? "/readyz" : "/healthz"}`)).ok, {
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
