// Starts real processes for tests and makes sure that none outlives them. What a process prints is kept (the newest
// part), every failure here shows the end of it, and nothing of the tests' own environment reaches the process but PATH
// and HOME. A process ends when its `await using` scope ends, passed or failed; what was started outside of a scope ends
// with the test worker. Neither reaches what a process detached from itself, as the launcher does with PostgreSQL.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { testEnvironment } from "./environment.ts";

export interface ProcessOptions {
  /** What failures call it. */
  readonly name: string;
  /** Absent: the Node that runs the tests. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Is told all of both outputs, as it comes. What is kept is cut and mixes both. */
  readonly onOutput?: (text: string, output: "stdout" | "stderr") => void;
  /** Keeps the input open for `write`; else the process has none. */
  readonly hasInput?: boolean;
  /** Another user to run as; only root can ask for that. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly pid: number;
  /** The newest lines of both outputs, in the order in which they arrived. */
  log(): string;
  /** The first line, past or future, that matches; fails when the process ends without one. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Resolves once the output is complete, too. */
  waitForExit(timeoutMs?: number): Promise<ProcessExit>;
  /** Sends a signal to this process alone, not to its children; no error if it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** Only where `hasInput`; what a process no longer reads is lost. */
  write(text: string): void;
  /** SIGKILL to it and to those of its children that stayed in its group, even where it ended before them. */
  [Symbol.asyncDispose](): Promise<void>;
}

const keptLinesMax = 2_000;
const keptLineCharsMax = 4_000;
const shownLines = 40;
const outputDrainMsMax = 2_000;

export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { name, command = process.execPath, args, env = {}, cwd, onOutput, hasInput = false, user = {} } = options;
  const { path, home } = testEnvironment();
  const child = spawn(command, args, {
    ...user,
    env: { PATH: path, HOME: home, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    // A group of its own, so that its children can be ended with it.
    detached: true,
    stdio: [hasInput ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const output of ["stdout", "stderr"] as const) {
    const input = child[output];
    if (input === null) continue;
    const decoder = new TextDecoder();
    if (onOutput !== undefined)
      input.on("data", (chunk: Buffer) => onOutput(decoder.decode(chunk, { stream: true }), output));
    createInterface({ input }).on("line", (line) => {
      lines.push(line.slice(0, keptLineCharsMax));
      if (lines.length > keptLinesMax) lines.shift();
      for (const listener of listeners) listener(line);
    });
  }
  // Else writing to a process that has just ended would end this one.
  child.stdin?.on("error", () => undefined);
  const ended = waitForEnd(child);
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new Error(`${name} could not be started: ${String(cause)}`, { cause });
  }
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  endWithThisProcess(pid);

  const fail = (what: string): Error => new Error(`${name} ${what}; it said:\n${lines.slice(-shownLines).join("\n")}`);

  async function waitForLine(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const match = withoutMemory(pattern);
    for (const line of lines) {
      const found = match(line);
      if (found !== null) return found;
    }
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        listeners.delete(listener);
        clearTimeout(timer);
        act();
      };
      const listener = (line: string): void => {
        const found = match(line);
        if (found !== null) settle(() => resolve(found));
      };
      const timer = setTimeout(
        () => settle(() => reject(fail(`printed no line like ${pattern} in ${timeoutMs} ms`))),
        timeoutMs,
      );
      listeners.add(listener);
      void ended.then((exit) => settle(() => reject(fail(`ended (${describe(exit)}) without a line like ${pattern}`))));
    });
  }

  async function waitForExit(timeoutMs = 10_000): Promise<ProcessExit> {
    const giveUp = new AbortController();
    const timeout = delay(timeoutMs, undefined, { signal: giveUp.signal }).catch(() => undefined);
    const exit = await Promise.race([ended, timeout]);
    giveUp.abort();
    if (exit === undefined) throw fail(`is still running after ${timeoutMs} ms`);
    return exit;
  }

  return {
    pid,
    log: () => lines.join("\n"),
    waitForLine,
    waitForExit,
    kill: (signal = "SIGTERM") => void child.kill(signal),
    write: (text) => void child.stdin?.write(text),
    [Symbol.asyncDispose]: async () => {
      killGroup(pid);
      groups.delete(pid);
      await ended;
    },
  };
}

/** A pattern with the flags `g` or `y` would remember where its last match ended. */
function withoutMemory(pattern: RegExp): (line: string) => RegExpExecArray | null {
  const own = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return (line) => own.exec(line);
}

async function waitForEnd(child: ChildProcess): Promise<ProcessExit> {
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  // A grandchild may hold the output open for as long as it likes.
  await Promise.race([closed, delay(outputDrainMsMax, undefined, { ref: false })]);
  return { code: child.exitCode, signal: child.signalCode };
}

function describe({ code, signal }: ProcessExit): string {
  return signal === null ? `code ${code}` : `signal ${signal}`;
}

const groups = new Set<number>();
let isWatchingOwnEnd = false;

/** vitest ends its workers with SIGTERM, on which Node runs no exit handlers. */
function endWithThisProcess(group: number): void {
  groups.add(group);
  if (isWatchingOwnEnd) return;
  isWatchingOwnEnd = true;
  const killAll = (): void => groups.forEach(killGroup);
  process.on("exit", killAll);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.once(signal, () => {
      killAll();
      process.kill(process.pid, signal);
    });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // No process of the group is left.
  }
}
