// The log file of one program, bounded: at its limit it becomes `<name>.log.1`, and what was there before goes. The newest
// lines stay in memory for the sentence that explains a failure. A disk that is full costs log lines, never the product.
import { closeSync, mkdirSync, openSync, renameSync, fstatSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileProblem } from "./problem.ts";

const fileBytesMax = 16 * 1024 * 1024;
const keptLinesMax = 200;
const keptLineCharsMax = 4_000;

export interface ProgramLog {
  readonly path: string;
  write(line: string): void;
  /** The newest lines, oldest first. */
  tail(lines: number): string[];
  close(): void;
}

export function openProgramLog(path: string, bytesMax = fileBytesMax): ProgramLog {
  let file: number | undefined;
  let bytes = 0;
  const open = (): void => {
    file = openSync(path, "a", 0o600);
    bytes = fstatSync(file).size;
  };
  const rotate = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
    renameSync(path, `${path}.1`);
    open();
  };
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    open();
  } catch (cause) {
    throw fileProblem(`The log ${path} cannot be written`, cause);
  }
  const kept: string[] = [];
  return {
    path,
    write(line) {
      kept.push(line.slice(0, keptLineCharsMax));
      if (kept.length > keptLinesMax) kept.shift();
      const text = Buffer.from(`${line}\n`);
      try {
        if (bytes > 0 && bytes + text.length > bytesMax) rotate();
        if (file === undefined) return;
        writeSync(file, text);
        bytes += text.length;
      } catch {
        // There is nowhere to say it; the program's own failures on the same disk are loud.
      }
    },
    tail: (lines) => kept.slice(-lines),
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
