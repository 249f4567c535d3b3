// Starts one program of ours (control plane, proxy) as a child process with exactly the environment that it is given, and
// waits until it says on standard output that it is ready, and where. Everything it says goes into its log. It is in a
// process group of its own, so that Ctrl-C in a terminal reaches only the launcher, which then stops all in order. It is
// not restarted here.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { ProgramLog } from "./program-log.ts";
import { Problem } from "./problem.ts";

/** All that it is told. */
export interface ProgramSettings {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface ProgramOptions extends ProgramSettings {
  /** As people call it: "control plane". */
  readonly name: string;
  readonly entry: string;
  readonly log: ProgramLog;
  /** Called as soon as there is a process, before it is ready. */
  readonly onSpawned: (pid: number) => void;
  /** Aborted: a start under way is given up, and what was started is stopped. */
  readonly signal: AbortSignal;
}

export interface Program {
  /** What its ready line names: URLs and paths. */
  readonly ready: Readonly<Record<string, string>>;
  /** Resolves with how it ended: "exit code 1", "signal SIGKILL". */
  readonly exited: Promise<string>;
  /** SIGTERM, and SIGKILL when it takes longer. Its workers end with it in any case. */
  stop(graceMs: number): Promise<void>;
}

const readyMsMax = 60_000;
const abortedGraceMs = 2_000;
const badConfigurationCode = 2;
const sentencesMax = 40;
const explainingLines = 12;

const readyLine = z.object({ ready: z.record(z.string(), z.string()) });
const tether = fileURLToPath(new URL("./tether.js", import.meta.url));

export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, entry, env, args = [], log, signal } = options;
  signal.throwIfAborted();
  const child = spawn(process.execPath, ["--enable-source-maps", "--import", tether, entry, ...args], {
    env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Its end of the tether may be gone before ours.
  child.stdin.on("error", () => {});
  const spoken: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.write(line);
    if (line.trim() !== "" && !line.startsWith("{") && spoken.length < sentencesMax) spoken.push(line);
  });
  const ready = new Promise<Record<string, string>>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.write(line);
      const found = readReadyLine(line);
      if (found !== undefined) resolve(found);
    });
  });
  const exited = endOf(child);
  if (child.pid !== undefined) options.onSpawned(child.pid);
  const settled = new AbortController();
  const outcome = await Promise.race([
    ready.then((urls) => ({ urls })),
    exited.then((how) => ({ how })),
    delay(readyMsMax, { how: `not ready after ${readyMsMax / 1_000} s` }, { signal: settled.signal }),
    once(signal, "abort", { signal: settled.signal }).then(() => ({ how: "stopped" })),
  ]);
  settled.abort();
  if ("urls" in outcome) return { ready: outcome.urls, exited, stop: (graceMs) => stop(child, exited, graceMs) };
  const isConfiguration = child.exitCode === badConfigurationCode;
  await stop(child, exited, signal.aborted ? abortedGraceMs : 0);
  throw new Problem(explain(name, outcome.how, spoken, log), isConfiguration ? 2 : 1);
}

function readReadyLine(line: string): Record<string, string> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return readyLine.safeParse(JSON.parse(line)).data?.ready;
  } catch {
    return undefined;
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  // Its workers cannot serve without it, and they would keep its outputs open.
  child.once("exit", () => {
    if (child.pid !== undefined) killGroup(child.pid);
  });
  const failed = new Promise<string>((resolve) => child.once("error", (error) => resolve(error.message)));
  // Not `exit`: what it said last is still on its way then.
  const closed = once(child, "close").then(() =>
    child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`,
  );
  return Promise.race([failed, closed]);
}

async function stop(child: ChildProcess, exited: Promise<string>, graceMs: number): Promise<void> {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  if (graceMs > 0 && isRunning()) {
    const giveUp = new AbortController();
    child.kill("SIGTERM");
    await Promise.race([exited, delay(graceMs, undefined, { signal: giveUp.signal }).catch(() => {})]);
    giveUp.abort();
  }
  if (child.pid !== undefined && isRunning()) killGroup(child.pid);
  await exited;
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** A program that says a sentence in its own words is quoted; else the end of its log has to explain. */
export function explain(name: string, how: string, spoken: readonly string[], log: ProgramLog): string {
  if (spoken.length > 0) return spoken.join("\n");
  const lines = log.tail(explainingLines).map(readable);
  return [`The ${name} did not start (${how}). The end of ${log.path}:`, ...lines.map((line) => `  ${line}`)].join(
    "\n",
  );
}

const logLine = z.object({ msg: z.string(), err: z.object({ message: z.string() }).optional() });

function readable(line: string): string {
  try {
    const { data } = logLine.safeParse(JSON.parse(line));
    if (data !== undefined) return data.err === undefined ? data.msg : `${data.msg}: ${data.err.message}`;
  } catch {
    // Not JSON: it is shown as it is.
  }
  return line;
}
