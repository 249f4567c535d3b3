// The compose file is a promise to whoever types `docker compose up`, and on most machines nobody checks it. Here it is read
// as compose reads it, checked against the specification, and its services run with their own commands, environment and
// health checks on a real PostgreSQL and a real Kafka, up to a call through each of the two proxies.

import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@tollgate/local/postgres";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { AdminClient } from "../support/admin-client.ts";
import { kafkaAvailability } from "../support/kafka-broker.ts";
import { callTool, readFleet } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { composeProblems, readComposeFile } from "./compose-file.ts";
import { ComposeMachine } from "./compose-machine.ts";

const root = join(import.meta.dirname, "..", "..");
const path = join(root, "docker-compose.yml");
const variables = {
  POSTGRES_PASSWORD: "not-the-real-one",
  TOLLGATE_MASTER_KEY: randomBytes(32).toString("base64"),
};

describe("docker-compose.yml", () => {
  const file = readComposeFile(path, variables);
  const ours = Object.entries(file.services).filter(([, { build }]) => build !== undefined);

  test("a mistyped member, a bad duration and an open port are found", () => {
    const planted = (change: object): unknown => {
      const copy = structuredClone(file);
      Object.assign(copy.services["proxy-1"] ?? {}, change);
      return copy;
    };
    expect(composeProblems(planted({}))).toEqual([]);
    expect(composeProblems(planted({ comand: ["node"] }))).not.toEqual([]);
    expect(composeProblems(planted({ stop_grace_period: "15" }))).not.toEqual([]);
    expect(composeProblems(planted({ ports: ["8080:8080"] }))).not.toEqual([]);
  });

  test("holds no secret, and says what is missing", () => {
    const { POSTGRES_PASSWORD: _, ...others } = variables;
    expect(() => readComposeFile(path, others)).toThrow("POSTGRES_PASSWORD is not set; README.md says how");
  });

  test("opens ports on the loopback only, and runs what is ours without rights", () => {
    for (const { ports = [] } of Object.values(file.services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(ours.map(([name]) => name)).toEqual(["control-plane", "proxy-1", "proxy-2", "example-mcp"]);
    for (const [name, service] of ours)
      expect(service, name).toMatchObject({ read_only: true, cap_drop: ["ALL"], init: true, tmpfs: ["/tmp"] });
  });

  test("what a service refers to is there", () => {
    for (const [name, service] of Object.entries(file.services)) {
      for (const volume of service.volumes ?? []) expect(file.volumes, name).toHaveProperty(volume.split(":")[0] ?? "");
      for (const secret of service.secrets ?? []) expect(file.secrets, name).toHaveProperty(secret);
      for (const { source } of service.configs ?? []) expect(file.configs, name).toHaveProperty(source);
      for (const before of Object.keys(service.depends_on ?? {})) expect(file.services, name).toHaveProperty(before);
    }
    expect(parse(readFileSync(path, "utf8"), { merge: true })).toHaveProperty("name", "tollgate");
  });

  test("the Dockerfile has each target, with the same command, as an ordinary user, from files that exist", () => {
    const dockerfile = readFileSync(join(root, "infra/docker/Dockerfile"), "utf8");
    const stages = new Map(
      dockerfile
        .split(/^FROM /m)
        .slice(1)
        .map((stage) => [/^\S+ AS (\S+)$/m.exec(stage)?.[1], stage]),
    );
    expect(stages.get("program")).toMatch(/^USER node$/m);
    for (const [name, { build, command }] of ours) {
      const stage = stages.get(build?.target);
      expect(stage, name).toMatch(/^program AS /);
      expect(stage, name).not.toMatch(/^USER /m);
      expect(JSON.parse(/^CMD (.*)$/m.exec(stage ?? "")?.[1] ?? "null"), name).toEqual(command);
    }
    for (const [, sources = ""] of dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm))
      for (const source of sources.split(" ")) expect(existsSync(join(root, source)), source).toBe(true);
  });
});

describeWith(await kafkaAvailability("own"), "the services of docker-compose.yml as processes", () => {
  test("come up healthy in their order, serve a call through each proxy, and stop", { timeout: 240_000 }, async () => {
    const dir = mkdtempSync(join(tmpdir(), "tollgate-compose-"));
    // The server of a root runs as another user, who has to get in.
    await chmod(dir, 0o711);
    await using resources = new AsyncDisposableStack();
    resources.defer(() => rmSync(dir, { recursive: true, force: true }));
    const postgres = await startPostgres({ dataDir: join(dir, "postgres"), onLog: () => {}, durable: false });
    resources.defer(() => postgres.stop());

    const password = new URL(postgres.url("tollgate")).password;
    const file = readComposeFile(path, { ...variables, POSTGRES_PASSWORD: password });
    const machine = resources.use(await ComposeMachine.open(file, dir, { "postgres:5432": postgres.port }));
    machine.mount("control-plane", "/run/secrets/master-key", variables.TOLLGATE_MASTER_KEY);
    await machine.startKafka();
    for (const service of ["example-mcp", "control-plane", "proxy-1", "proxy-2"]) await machine.start(service);
    for (const service of Object.keys(file.services)) await machine.untilHealthy(service);

    const kept = (name: string): string => readFileSync(join(machine.volume("control-plane"), name), "utf8").trim();
    const admin = new AdminClient(`http://127.0.0.1:${machine.port("control-plane", 8081)}`, kept("admin-token"));
    await until(async () => (await readFleet(admin)).filter(({ source }) => source === "kafka").length === 2, {
      what: "both proxies to follow Kafka",
      timeoutMs: 30_000,
    });
    for (const proxy of ["proxy-1", "proxy-2"]) {
      const url = `http://127.0.0.1:${machine.port(proxy, 8080)}`;
      const { status, body } = await callTool(url, kept("keys/first"), "example__echo", { from: proxy });
      expect({ status, body }).toEqual({ status: 200, body: expect.stringContaining(`\\"from\\":\\"${proxy}\\"`) });
    }
    for (const service of ["proxy-1", "proxy-2", "control-plane", "example-mcp"])
      expect(await machine.stop(service), service).toBe(0);
  });
});
