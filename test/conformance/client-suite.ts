// Runs scenarios of the suite's client half: the suite is the server, and starts a command of ours as the client. A scenario
// has passed when the suite says so, by whose rule a warning fails it as well as a client that ends with an error; and when at
// least one check has succeeded, because of a client that does nothing many scenarios have nothing to say.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "../support/processes.ts";
import {
  checksIn,
  saidBy,
  scoredBy,
  scoreOf,
  suiteProgram,
  type Requirements,
  type ScenarioResult,
  type SuiteResult,
} from "./suite.ts";

export type ClientRun = {
  requirements: Requirements;
  scenarios: readonly string[];
  /** A program and its arguments; the suite adds the URL of its server. */
  command: readonly string[];
};

export type ClientScenarioResult = ScenarioResult & {
  /** Checks that had nothing to look at. */
  skipped: string[];
};

export type ClientSuiteResult = { scenarios: ClientScenarioResult[]; scored: SuiteResult["scored"] };

const scenarioMsMax = 25_000;
const runMsMax = 40_000;

/** All at the same time, as the suite itself does. */
export async function runClientScenarios(run: ClientRun): Promise<ClientSuiteResult> {
  const scored = scoredBy(run.requirements, "client");
  const scenarios = await Promise.all(run.scenarios.map((name) => runScenario(run, name, scored.includes(name))));
  return { scenarios, scored: scoreOf(scenarios).scored };
}

async function runScenario(
  { requirements, command }: ClientRun,
  scenario: string,
  isScored: boolean,
): Promise<ClientScenarioResult> {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-conformance-"));
  try {
    const what = ["--scenario", scenario, "--spec-version", requirements, "--command", command.map(quoted).join(" ")];
    await using suite = await startProcess({
      name: `the conformance suite's ${scenario}`,
      args: [suiteProgram, "client", ...what, "-o", directory, "--timeout", String(scenarioMsMax)],
    });
    const { code } = await suite.waitForExit(runMsMax);
    const [written = ""] = readdirSync(directory);
    const checks = written === "" ? [] : checksIn(join(directory, written));
    const failures = saidBy(checks, "FAILURE");
    const warnings = saidBy(checks, "WARNING");
    if (saidBy(checks, "SUCCESS").length === 0) failures.push("nothing was seen of the client");
    if (code !== 0 && failures.length + warnings.length === 0)
      failures.push(`the client: ${readFileSync(join(directory, written, "stderr.txt"), "utf8")}`);
    const outcome = code === 0 && failures.length === 0 ? "passed" : "failed";
    return { scenario, isScored, outcome, failures, warnings, skipped: saidBy(checks, "SKIPPED") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The suite hands the command to a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
