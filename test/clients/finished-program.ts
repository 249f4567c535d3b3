// Runs a client's program to its end and gives back all that it printed, both outputs apart. A program that takes too long or
// prints too much is a failure that shows the end of what it said. It knows no client.
import { startProcess } from "../support/processes.ts";
import type { Program } from "./install.ts";

export interface FinishedProgram {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramRun {
  /** What failures call it. */
  readonly name: string;
  readonly program: Program;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
}

const outputCharsMax = 32 * 1024 * 1024;

export async function finishProgram(run: ProgramRun): Promise<FinishedProgram> {
  const { name, program, args, env, cwd, timeoutMs } = run;
  const said = { stdout: "", stderr: "" };
  await using running = await startProcess({
    name,
    command: program.command,
    args: [...program.args, ...args],
    env,
    cwd,
    onOutput: (text, output) => {
      if (said[output].length < outputCharsMax) said[output] += text;
    },
  });
  const { code } = await running.waitForExit(timeoutMs);
  if (said.stdout.length >= outputCharsMax) throw new Error(`${name} printed more than ${outputCharsMax} characters`);
  return { exitCode: code, ...said };
}

/** One JSON value a line, as far as there are lines. */
export function jsonLines(text: string): unknown[] {
  // Not by what else Unicode calls an end of line: JSON may hold that within a string.
  return text.split("\n").flatMap((line): unknown[] => (line.trim() === "" ? [] : [JSON.parse(line)]));
}
