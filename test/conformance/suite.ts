// Runs the protocol's conformance suite against a URL, as a process, and reads what it wrote. It speaks of scenarios, never
// of checks: against a port where nobody listens, dozens of checks pass. A scenario has failed when one of its checks has,
// or when it did not come to an end; that is the suite's own rule, by which warnings do not count, and they are told apart.
// A requirement set runs more scenarios than it scores. A run without one scores all that it runs.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { startProcess } from "../support/processes.ts";

export type Requirements = "2025-11-25" | "2026-07-28";

export type SuiteOptions = { url: string; timeoutMs?: number; scenarioTimeoutMs?: number } & (
  | { requirements: Requirements }
  /** All scenarios that apply to a revision. */
  | { specVersion: string }
);

export type ScenarioResult = {
  scenario: string;
  isScored: boolean;
  outcome: "passed" | "failed";
  /** What the failed checks say. */
  failures: string[];
  warnings: string[];
};

export type SuiteResult = {
  scenarios: ScenarioResult[];
  scored: { passed: number; total: number };
};

const home = fileURLToPath(new URL("../../node_modules/@modelcontextprotocol/conformance/", import.meta.url));
export const suiteProgram = join(home, "dist", "index.js");

const checksFile = z.array(
  z.object({ id: z.string(), status: z.string(), description: z.string(), errorMessage: z.string().optional() }),
);
export type Checks = z.infer<typeof checksFile>;
const requirementsFile = z.object({ server: z.array(z.string()), client: z.array(z.string()) });

/** The longest wait of a scenario that passes is ten seconds, for a stream that is dropped. */
const scenarioMsMax = 15_000;
const suiteMsMax = 120_000;

export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const { url, timeoutMs = suiteMsMax, scenarioTimeoutMs = scenarioMsMax } = options;
  const directory = mkdtempSync(join(tmpdir(), "tollgate-conformance-"));
  try {
    const selection =
      "requirements" in options
        ? ["--requirements", options.requirements]
        : ["--suite", "all", "--spec-version", options.specVersion];
    const limit = ["--timeout", String(scenarioTimeoutMs)];
    await using suite = await startProcess({
      name: "the conformance suite",
      args: [suiteProgram, "server", "--url", url, ...selection, "-o", directory, ...limit],
    });
    const [, announced] = await suite.waitForLine(/^Running .* \((\d+) scenarios\) against /);
    // Its exit code says whether a scored scenario failed, which the results tell better.
    await suite.waitForExit(timeoutMs);
    const ran = [...suite.log().matchAll(/^=== Running scenario: (\S+) ===$/gm)].flatMap(([, name]) => name ?? []);
    if (ran.length !== Number(announced)) throw new Error(`not all of ${announced} scenarios ran:\n${suite.log()}`);
    const scored = "requirements" in options ? scoredBy(options.requirements, "server") : ran;
    return resultOf(directory, scored, ran);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export function scoredBy(requirements: Requirements, half: "server" | "client"): string[] {
  return requirementsFile.parse(parse(readFileSync(join(home, "requirements", `${requirements}.yaml`), "utf8")))[half];
}

function resultOf(directory: string, scored: readonly string[], ran: readonly string[]): SuiteResult {
  const written = readdirSync(directory);
  const all = [...scored, ...ran.filter((scenario) => !scored.includes(scenario))];
  const scenarios = all.map((scenario): ScenarioResult => {
    // A directory is named by its scenario and a time, and some scenarios are named by the beginnings of others.
    const found = written.find((name) => name.replace(/-\d{4}-\d{2}-\d{2}T[\dZ-]+$/, "") === `server-${scenario}`);
    const checks = found === undefined ? [] : checksIn(join(directory, found));
    const failures =
      checks.length === 0 && scored.includes(scenario) ? ["did not come to an end"] : saidBy(checks, "FAILURE");
    return {
      scenario,
      isScored: scored.includes(scenario),
      outcome: failures.length === 0 ? "passed" : "failed",
      failures,
      warnings: saidBy(checks, "WARNING"),
    };
  });
  return scoreOf(scenarios);
}

export function scoreOf(scenarios: ScenarioResult[]): SuiteResult {
  const counted = scenarios.filter(({ isScored }) => isScored);
  const passed = counted.filter(({ outcome }) => outcome === "passed").length;
  return { scenarios, scored: { passed, total: counted.length } };
}

export function saidBy(checks: Checks, status: string): string[] {
  return checks
    .filter((check) => check.status === status)
    .map((check) => `${check.id}: ${check.errorMessage ?? check.description}`);
}

export function checksIn(directory: string): Checks {
  if (!readdirSync(directory).includes("checks.json")) return [];
  return checksFile.parse(JSON.parse(readFileSync(join(directory, "checks.json"), "utf8")));
}
