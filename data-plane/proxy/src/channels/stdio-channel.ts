// A channel to a program that speaks MCP on its standard streams, one message a line. The program gets exactly the argv and
// the environment that it is given here, no shell, and a process group of its own, which ends with the channel. What it
// writes before it exits is read to the end.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { closedChannel, noChannel, type Channel, type ChannelEvents } from "./channel.ts";
import type { Keeper } from "./keeper.ts";
import type { ChannelLimits } from "./limits.ts";
import { LineReader } from "./line-reader.ts";
import { problem, type ChannelProblem } from "./problem.ts";
import { endGroup } from "./process-group.ts";
import { saidLineReader } from "./said-lines.ts";

export type Program = {
  command: readonly string[];
  /** All of it. */
  environment: ReadonlyMap<string, string>;
  workingDirectory: string | undefined;
};

export type StdioParts = {
  keeper: Keeper;
  limits: Pick<ChannelLimits, "messageBytesMax" | "unreadBytesMax" | "endStepMsMax">;
};

/** What a program's own children still hold open is not waited for longer. */
const lastOutputMsMax = 500;
const lineEnd = Buffer.from("\n");

export function openStdioChannel(program: Program, { keeper, limits }: StdioParts, events: ChannelEvents): Channel {
  const [file = "", ...args] = program.command;
  const child = spawnOrFail(file, args, program);
  if (child instanceof Error) return closedChannel(notStarted(file, child), events);
  const { pid } = child;
  if (pid !== undefined) return openTo(child, pid, { keeper, limits }, events);
  // Where there were no more files to be had, it has no streams either.
  child.once("error", (error) => events.onClosed(notStarted(file, error)));
  return noChannel;
}

function openTo(
  child: ChildProcessWithoutNullStreams,
  group: number,
  { keeper, limits }: StdioParts,
  events: ChannelEvents,
): Channel {
  const over = Promise.withResolvers<void>();
  const closed = onceOnly((why: ChannelProblem) => events.onClosed(why));
  let isEnding = false;
  keeper.add(group);
  const reader = new LineReader(events, limits.messageBytesMax);
  child.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
  child.stderr.on("data", saidLineReader(events.onSaid));
  // A program that is gone does not read; its exit says so.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", nothing);
  child.stdout.once("end", () => {
    reader.end();
    // A program that speaks no more is of no use, also where it lives on.
    end();
  });
  child.on("error", nothing);
  child.once("exit", (code, signal) => {
    child.stdout.resume();
    void lastOutput(child).then(() => {
      closed(ended(code, signal));
      end();
    });
  });

  function end(): void {
    if (isEnding) return;
    isEnding = true;
    child.stdin.end();
    // What it says on its way out would fill the pipe otherwise, and hold it up.
    child.stdout.resume();
    void endGroup(group, limits.endStepMsMax).then(() => {
      keeper.remove(group);
      over.resolve();
    });
  }

  return {
    send(message) {
      if (child.stdin.writableLength > limits.unreadBytesMax) return false;
      if (!child.stdin.writable) return true;
      child.stdin.cork();
      child.stdin.write(message);
      child.stdin.write(lineEnd);
      child.stdin.uncork();
      return true;
    },
    pause: () => void child.stdout.pause(),
    resume: () => void child.stdout.resume(),
    async close() {
      end();
      await over.promise;
      closed(problem("channel.closing", "The channel was closed."));
    },
  };
}

/** Some mistakes are thrown (a zero byte in an argument), others told later. */
function spawnOrFail(
  file: string,
  args: readonly string[],
  { environment, workingDirectory }: Program,
): ChildProcessWithoutNullStreams | Error {
  try {
    return spawn(file, args, {
      env: Object.fromEntries(environment),
      cwd: workingDirectory,
      stdio: "pipe",
      shell: false,
      // A process group of its own.
      detached: true,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function notStarted(file: string, error: Error): ChannelProblem {
  const code = "code" in error ? String(error.code) : error.name;
  const hint = code === "ENOENT" ? ": there is no such program, or no such working directory" : "";
  return problem("channel.not-started", `The program ${JSON.stringify(file)} could not be started (${code}${hint}).`);
}

function ended(code: number | null, signal: string | null): ChannelProblem {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return problem("channel.ended", `The server's program ended ${how}.`);
}

function lastOutput({ stdout }: ChildProcessWithoutNullStreams): Promise<void> {
  return new Promise((resolve) => {
    if (stdout.readableEnded || stdout.destroyed) return resolve();
    const timer = setTimeout(resolve, lastOutputMsMax);
    stdout.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function onceOnly<T>(act: (value: T) => void): (value: T) => void {
  let isDone = false;
  return (value) => {
    if (isDone) return;
    isDone = true;
    act(value);
  };
}

function nothing(): void {
  // Whoever is concerned learns it by another event.
}
