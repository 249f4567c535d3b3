// Runs a program on one of the official Python SDKs to its end and gives back what it printed: one JSON object. Which packages it
// has is in `python/requirements.txt`; the first suite that asks installs them (python-packages.ts). It judges nothing.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonPackages } from "../support/python-packages.ts";
import type { Availability } from "../support/real-part.ts";
import { finishProgram, jsonLines } from "./finished-program.ts";

export interface PythonRun {
  readonly sdk: "anthropic" | "openai";
  readonly url: string;
  readonly key: string;
  /** One that nobody knows. */
  readonly strangeKey: string;
}

const home = join(import.meta.dirname, "python");
const runMsMax = 60_000;

const looking = pythonPackages(join(home, "requirements.txt"));

/** For `describeWith`: installs on the way. */
export async function pythonAvailability(): Promise<Availability> {
  const packages = await looking;
  return "missing" in packages ? { available: false, reason: packages.missing } : { available: true };
}

export async function runPython({ sdk, url, key, strangeKey }: PythonRun): Promise<unknown> {
  const packages = await looking;
  if ("missing" in packages) throw new Error(packages.missing);
  const { exitCode, stdout, stderr } = await finishProgram({
    name: `the Python SDK of ${sdk}`,
    program: { command: packages.python, args: [join(home, `with_${sdk}.py`)] },
    args: [],
    env: {
      ...{ PYTHONPATH: packages.folder, PYTHONDONTWRITEBYTECODE: "1", HOME: tmpdir() },
      ...{ BASE_URL: url, KEY: key, STRANGE_KEY: strangeKey },
    },
    cwd: tmpdir(),
    timeoutMs: runMsMax,
  });
  const [told] = jsonLines(stdout);
  if (exitCode !== 0 || told === undefined) throw new Error(`the Python SDK of ${sdk} failed: ${stderr}`);
  return told;
}
