// The embedded stack from its first file to its last process: PostgreSQL, control plane and proxy on one machine, started
// in that order, kept running, and stopped in the opposite one within ten seconds. It returns after a stop that somebody
// asked for and throws a Problem when the stack cannot go on; either way nothing of it is left running. Whatever was
// killed, the next launch on the same directory comes up with the same data.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { adminApi } from "./admin-api.ts";
import type { Config } from "./config.ts";
import { readConfigurationFile, readServerList } from "./configuration-file.ts";
import {
  beginFirstStart,
  endFirstStart,
  ensureAdminTokenFile,
  ensureMasterKey,
  openDataDirectory,
  openSocketPath,
} from "./data-directory.ts";
import { startDemo } from "./demo.ts";
import type { Demo } from "./demo.ts";
import { untilApplied } from "./gate-knowledge.ts";
import { lockDataDirectory } from "./instance-lock.ts";
import { controlPlaneEnvironment, proxyEnvironment, urlFrom } from "./environments.ts";
import type { ReadyLine, StartConfiguration } from "./environments.ts";
import { endLeftovers, openProcessRecord } from "./leftovers.ts";
import type { ProcessRecord } from "./leftovers.ts";
import { startPostgres } from "./postgres.ts";
import { Problem } from "./problem.ts";
import { openProgramLog } from "./program-log.ts";
import type { ProgramLog } from "./program-log.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramSettings } from "./program.ts";
import { announcement, removeReady, writeReady } from "./ready.ts";
import type { Ready } from "./ready.ts";
import { supervise } from "./supervise.ts";
import type { Running, Supervised } from "./supervise.ts";

/** The entries of the programs, and the configuration of a first start: files, so that infra imports no plane. */
export interface Programs {
  readonly controlPlane: string;
  readonly proxy: string;
  /** Beside them, where a demonstration is asked for. */
  readonly mockProvider: string;
  readonly firstConfiguration: string;
}

export interface LaunchOptions {
  readonly config: Config;
  readonly programs: Programs;
  /** Aborted by whoever wants the stack to stop. */
  readonly interrupted: AbortSignal;
  readonly tell: (text: string) => void;
  readonly warn: (text: string) => void;
}

// Together below the ten seconds that a stop may take; the proxy's is the drain of calls and the last facts.
const proxyGraceMs = 5_500;
const controlPlaneGraceMs = 2_000;
const postgresGraceMs = 1_500;
const mockProviderGraceMs = 500;

const joinTokenBytes = 32;
const explainingLines = 12;

/** What is common to all parts while the stack runs. */
interface Stage extends LaunchOptions {
  readonly dataDir: string;
  readonly record: ProcessRecord;
  readonly isFirstStart: boolean;
  readonly joinToken: string;
  readonly fail: (problem: Problem) => void;
  /** In the order of their start; stopped in the opposite one. */
  readonly parts: { stop(): Promise<void> }[];
}

export async function launch(options: LaunchOptions): Promise<void> {
  const { config, interrupted } = options;
  const dataDir = openDataDirectory(config.dataDir);
  const lock = lockDataDirectory(dataDir);
  const ended = Promise.withResolvers<void>();
  const stop = new AbortController();
  const parts: Stage["parts"] = [];
  const onInterrupt = (): void => ended.resolve();
  interrupted.addEventListener("abort", onInterrupt);
  if (interrupted.aborted) onInterrupt();
  let starting: Promise<void> | undefined;
  try {
    removeReady(dataDir);
    await endLeftovers(dataDir);
    const stage: Stage = {
      ...options,
      interrupted: stop.signal,
      dataDir,
      record: openProcessRecord(dataDir),
      isFirstStart: config.databaseUrl === undefined && beginFirstStart(dataDir),
      joinToken: config.joinToken ?? randomBytes(joinTokenBytes).toString("base64url"),
      fail: ended.reject,
      parts,
    };
    starting = start(stage);
    await Promise.race([starting.then(() => ended.promise), ended.promise]);
  } finally {
    interrupted.removeEventListener("abort", onInterrupt);
    stop.abort();
    removeReady(dataDir);
    await starting?.catch(() => {});
    for (const part of parts.reverse()) await part.stop();
    lock.release();
  }
}

async function start(stage: Stage): Promise<void> {
  const { config, dataDir, isFirstStart, interrupted, tell } = stage;
  const configuration = configurationOf(stage);
  const masterKeyFile = config.masterKeyFile ?? ensureMasterKey(dataDir);
  const databaseUrl = config.databaseUrl ?? (await keepPostgres(stage));
  interrupted.throwIfAborted();

  const { controlPlane, proxy } = stage.programs;
  const socket = openSocketPath(dataDir);
  stage.parts.push({ stop: async () => socket.remove() });
  const common = { dataDir, config, joinToken: stage.joinToken, socketPath: socket.path };
  const control = await keepProgram(stage, "control plane", controlPlane, controlPlaneGraceMs, (former) => ({
    env: controlPlaneEnvironment({ ...common, former, configuration, databaseUrl, masterKeyFile }),
  }));
  const gate = await keepProgram(stage, "proxy", proxy, proxyGraceMs, (former) => ({
    env: proxyEnvironment({ ...common, former }),
  }));
  const ready: Ready = {
    proxy: urlFrom(gate, "proxy"),
    control: urlFrom(control, "control"),
    proxyAdmin: urlFrom(gate, "proxyAdmin"),
    controlAdmin: urlFrom(control, "controlAdmin"),
    adminTokenFile: ensureAdminTokenFile(dataDir, config.adminToken),
  };
  await Promise.all([ready.control, ready.proxy].map((url) => untilReady(`${url}/readyz`, interrupted)));
  if (isFirstStart) endFirstStart(dataDir);
  const demo = config.isDemo ? await keepDemo(stage, ready) : undefined;
  const { providers } = await untilApplied(ready.proxyAdmin, demo?.position ?? 0n, interrupted);
  writeReady(dataDir, ready);
  tell(announcement(dataDir, ready, { kinds: new Set(providers.map(({ kind }) => kind)), demo: demo?.told }));
}

async function keepDemo(stage: Stage, ready: Ready): Promise<Demo> {
  return startDemo(adminApi(ready), async (port) => {
    const { mockProvider } = stage.programs;
    const line = await keepProgram(stage, "mock provider", mockProvider, mockProviderGraceMs, (former) => ({
      env: {},
      args: ["--port", former === undefined ? String(port) : new URL(urlFrom(former, "url")).port],
    }));
    return urlFrom(line, "url");
  });
}

function configurationOf({ config, isFirstStart, programs }: Stage): StartConfiguration {
  const { configurationFile, mcpFile, environment } = config;
  const list = mcpFile === undefined ? undefined : readServerList(mcpFile, environment);
  const ofList = { mcpPath: list?.path, variables: list?.variables ?? {} };
  if (configurationFile === undefined)
    return { path: isFirstStart ? programs.firstConfiguration : undefined, ...ofList, isForEachStart: false };
  const { path, variables } = readConfigurationFile(configurationFile, environment);
  return { path, ...ofList, variables: { ...variables, ...ofList.variables }, isForEachStart: true };
}

async function keepPostgres(stage: Stage): Promise<string> {
  const log = openProgramLog(join(stage.dataDir, "logs", "postgres.log"));
  let port: number | undefined;
  const { first } = await keep(stage, "database", log, postgresGraceMs, async () => {
    const postgres = await startPostgres({
      dataDir: stage.dataDir,
      onLog: log.write,
      ...(port === undefined ? {} : { port }),
    }).catch((cause: unknown) => {
      throw new Problem(cause instanceof Error ? cause.message : String(cause), 1, { cause });
    });
    // Another after a restart would be unknown to the control plane.
    port = postgres.port;
    return {
      url: postgres.url("tollgate"),
      exited: postgres.exited.then(({ code, signal }) => (signal === null ? `exit code ${code}` : `signal ${signal}`)),
      async stop(graceMs: number) {
        const settled = new AbortController();
        const late = delay(graceMs, "late" as const, { signal: settled.signal }).catch(() => undefined);
        const outcome = await Promise.race([postgres.stop(), late]);
        settled.abort();
        if (outcome === "late") await postgres.kill();
      },
    };
  });
  return first.url;
}

async function keepProgram(
  stage: Stage,
  name: string,
  entry: string,
  graceMs: number,
  settingsOf: (former: ReadyLine | undefined) => ProgramSettings,
): Promise<ReadyLine> {
  const log = openProgramLog(join(stage.dataDir, "logs", `${name.replaceAll(" ", "-")}.log`));
  let former: ReadyLine | undefined;
  const { first } = await keep(stage, name, log, graceMs, async (): Promise<Program> => {
    const program = await startProgram({
      name,
      entry,
      ...settingsOf(former),
      log,
      onSpawned: stage.record.add,
      signal: stage.interrupted,
    });
    former ??= program.ready;
    return program;
  });
  return first.ready;
}

/** Adds the part to those that have to be stopped, as soon as there is something to stop. */
async function keep<R extends Running>(
  stage: Stage,
  name: string,
  log: ProgramLog,
  graceMs: number,
  startOne: () => Promise<R>,
): Promise<Supervised<R>> {
  const supervised = await supervise({
    start: startOne,
    onRestart: (how) => stage.warn(`The ${name} ended unexpectedly (${how}); it is started again.`),
    onGivenUp: (reason) => stage.fail(reason instanceof Problem ? reason : givenUp(name, String(reason), log)),
  });
  stage.parts.push({
    async stop() {
      await supervised.stop(graceMs);
      log.close();
    },
  });
  return supervised;
}

function givenUp(name: string, how: string, log: ProgramLog): Problem {
  const lines = log.tail(explainingLines).map((line) => `  ${line}`);
  return new Problem([`The ${name} ended again and again (${how}). The end of ${log.path}:`, ...lines].join("\n"));
}

const readyzMsMax = 30_000;
const readyzPollMs = 50;

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + readyzMsMax;
  for (;;) {
    const answer = await fetch(url, { signal }).catch(() => undefined);
    if (answer?.ok) return;
    signal.throwIfAborted();
    if (performance.now() > deadline)
      throw new Problem(`${url} still answers ${answer?.status ?? "nothing"} after ${readyzMsMax / 1_000} s.`);
    await delay(readyzPollMs);
  }
}
