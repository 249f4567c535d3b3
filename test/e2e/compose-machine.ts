// Runs the services of the compose file as processes on the loopback, where there is no container engine: their own
// commands, environment and health checks, with the names of hosts, ports and mounted paths translated to this machine's.
// Images are not tested. PostgreSQL and Kafka come from elsewhere than their images (an npm package, Maven Central), and
// their image's health programs are replaced by a client that does the same.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { Client } from "pg";
import { kafkaJars } from "../support/kafka-jars.ts";
import { freePorts } from "../support/ports.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";

/** The ports that a service listens on inside its container, with the variable that moves one which the file leaves unset. */
const listening: Readonly<Record<string, Readonly<Record<number, string | undefined>>>> = {
  postgres: { 5432: undefined },
  kafka: { 9092: undefined, 9093: undefined },
  "control-plane": { 8081: "TOLLGATE_CONTROL_PORT", 9091: "TOLLGATE_CONTROL_ADMIN_PORT", 9092: "TOLLGATE_GRPC_PORT" },
  "proxy-1": { 8080: "TOLLGATE_PROXY_PORT", 9090: "TOLLGATE_PROXY_ADMIN_PORT" },
  "proxy-2": { 8080: "TOLLGATE_PROXY_PORT", 9090: "TOLLGATE_PROXY_ADMIN_PORT" },
  "example-mcp": { 8090: undefined },
};

const healthyMsMax = 60_000;
const root = join(import.meta.dirname, "..", "..");

export class ComposeMachine {
  readonly #file: ComposeFile;
  readonly #dir: string;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #processes = new Map<string, RunningProcess>();

  private constructor(file: ComposeFile, dir: string, ports: ReadonlyMap<string, number>) {
    this.#file = file;
    this.#dir = dir;
    this.#ports = ports;
  }

  /** `fixed`: ports of services that run already, as "postgres:5432". */
  static async open(file: ComposeFile, dir: string, fixed: Readonly<Record<string, number>>): Promise<ComposeMachine> {
    const names = Object.entries(listening).flatMap(([service, ports]) =>
      Object.keys(ports).map((port) => `${service}:${port}`),
    );
    const free = await freePorts(names.length);
    return new ComposeMachine(file, dir, new Map(names.map((name, index) => [name, fixed[name] ?? free[index] ?? 0])));
  }

  port(service: string, port: number): number {
    const found = this.#ports.get(`${service}:${port}`);
    if (found === undefined) throw new Error(`${service} has no port ${port}`);
    return found;
  }

  volume(name: string): string {
    const path = join(this.#dir, "volumes", name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Puts a mounted file in its place, with the names in it translated. */
  mount(service: string, containerPath: string, text: string): void {
    const path = this.#mountedPath(service, containerPath);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.#translated(service, text), { mode: 0o600 });
  }

  /** After those that it waits for, which have to be healthy. */
  async start(service: string): Promise<void> {
    const described = this.#service(service);
    for (const [before, { condition }] of Object.entries(described.depends_on ?? {}))
      if (condition === "service_healthy") await this.untilHealthy(before);
    for (const { source, target } of described.configs ?? []) {
      const config = this.#file.configs[source];
      if (config === undefined) throw new Error(`${service} wants the config ${source}, which is not there`);
      this.mount(service, target, readFileSync(join(root, config.file), "utf8"));
    }
    const [program, ...args] = described.command ?? [];
    if (program !== "node") throw new Error(`${service} is started by ${program}`);
    const env = { ...this.#ownPorts(service), ...this.#environment(service) };
    this.#processes.set(service, await startProcess({ name: service, args, cwd: root, env }));
  }

  async startKafka(): Promise<void> {
    const jars = await kafkaJars();
    if ("missing" in jars) throw new Error(jars.missing);
    const { CLUSTER_ID: clusterId = "", ...env } = this.#environment("kafka");
    const settings = join(this.#dir, "kafka.properties");
    writeFileSync(settings, Object.entries(env).map(kafkaProperty).join(""));
    const java = (name: string, args: readonly string[]): Promise<RunningProcess> =>
      startProcess({
        name,
        command: "java",
        args: ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars.classPath, ...args],
        cwd: this.#dir,
      });
    await using format = await java("Kafka's format tool", [
      "kafka.tools.StorageTool",
      ...["format", "-t", clusterId, "-c", settings, "--ignore-formatted"],
    ]);
    if ((await format.waitForExit(healthyMsMax)).code !== 0) throw new Error(`Kafka's format failed:\n${format.log()}`);
    this.#processes.set("kafka", await java("kafka", ["kafka.Kafka", settings]));
  }

  async untilHealthy(service: string): Promise<void> {
    await until(async () => this.#isHealthy(service), {
      what: `${service} to be healthy`,
      timeoutMs: healthyMsMax,
      intervalMs: 200,
    }).catch((cause: unknown) => {
      throw new Error(`${service} is not healthy; it said:\n${this.#processes.get(service)?.log() ?? ""}`, { cause });
    });
  }

  /** As `docker stop` does, within the grace that the file gives. */
  async stop(service: string): Promise<number | null> {
    const running = this.#processes.get(service);
    if (running === undefined) throw new Error(`${service} does not run`);
    running.kill("SIGTERM");
    const { code } = await running.waitForExit(Number.parseInt(this.#service(service).stop_grace_period, 10) * 1_000);
    await running[Symbol.asyncDispose]();
    this.#processes.delete(service);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#processes.values()) await running[Symbol.asyncDispose]();
  }

  #service(name: string): ComposeService {
    const found = this.#file.services[name];
    if (found === undefined) throw new Error(`there is no service ${name}`);
    return found;
  }

  async #isHealthy(service: string): Promise<boolean> {
    const [kind, program, ...args] = this.#service(service).healthcheck.test;
    if (kind !== "CMD") throw new Error(`the health check of ${service} is a ${kind}`);
    switch (program) {
      case "pg_isready":
        return this.#postgresAnswers(args);
      case "/opt/kafka/bin/kafka-broker-api-versions.sh":
        return kafkaAnswers(this.#translated("kafka", args.at(args.indexOf("--bootstrap-server") + 1) ?? ""));
      case "node": {
        const translated = args.map((arg) => this.#translated(service, arg));
        await using check = await startProcess({ name: `check of ${service}`, args: translated, cwd: root });
        return (await check.waitForExit()).code === 0;
      }
      default:
        throw new Error(`the health check of ${service} runs ${program}`);
    }
  }

  async #postgresAnswers(args: readonly string[]): Promise<boolean> {
    const given = (flag: string): string => args[args.indexOf(flag) + 1] ?? "";
    const password = String(this.#service("postgres").environment["POSTGRES_PASSWORD"]);
    const where = { host: given("-h"), port: this.port("postgres", 5432) };
    const client = new Client({ ...where, user: given("-U"), database: given("-d"), password });
    await client.connect();
    await client.end();
    return true;
  }

  #environment(service: string): Record<string, string> {
    const { environment } = this.#service(service);
    return Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, this.#translated(service, String(value))]),
    );
  }

  #ownPorts(service: string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(listening[service] ?? {}).flatMap(([port, variable]) =>
        variable === undefined ? [] : [[variable, String(this.port(service, Number(port)))]],
      ),
    );
  }

  #translated(service: string, text: string): string {
    let translated = text.replaceAll("0.0.0.0", "127.0.0.1");
    for (const [name, port] of this.#ports) {
      const [owner, inside = ""] = name.split(":");
      translated = translated.replaceAll(new RegExp(`\\b${name}\\b`, "g"), `127.0.0.1:${port}`);
      if (owner !== service) continue;
      if (translated === inside) return String(port);
      translated = translated.replaceAll(new RegExp(`(127\\.0\\.0\\.1|//):${inside}\\b`, "g"), (_, before: string) =>
        before === "//" ? `//127.0.0.1:${port}` : `${before}:${port}`,
      );
    }
    // Quorum voters are "1@kafka:9093", of which the name went above; what is left are paths.
    for (const mounted of this.#mounts(service).sort((a, b) => b.length - a.length))
      translated = translated.replaceAll(mounted, this.#mountedPath(service, mounted));
    return translated;
  }

  #mounts(service: string): string[] {
    const { volumes = [], configs = [], secrets = [] } = this.#service(service);
    return [
      ...volumes.map((volume) => volume.split(":")[1] ?? ""),
      ...configs.map(({ target }) => target),
      ...secrets.map((name) => `/run/secrets/${name}`),
    ];
  }

  #mountedPath(service: string, containerPath: string): string {
    const volume = (this.#service(service).volumes ?? []).find((mounted) => mounted.split(":")[1] === containerPath);
    if (volume !== undefined) return this.volume(volume.split(":")[0] ?? "");
    return join(this.#dir, "mounts", service, containerPath);
  }
}

/** As the image of Apache Kafka makes them: KAFKA_A_B is a.b. None of ours has a doubled underscore. */
function kafkaProperty([name, value]: [string, string]): string {
  return `${name
    .replace(/^KAFKA_/, "")
    .replaceAll("_", ".")
    .toLowerCase()}=${value}\n`;
}

async function kafkaAnswers(broker: string): Promise<boolean> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length === 1;
  } finally {
    await admin.disconnect();
  }
}
