// Shows what the suite found, for people. One line a run is printed; `results/`, which is of this checkout only, also keeps
// each scenario that failed or warned, with what its checks said, and all of it as JSON.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SuiteResult } from "./suite.ts";

export type Run = { client: string; server: string; result: SuiteResult };

export function showTable(name: string, runs: readonly Run[]): void {
  const head = headOf(runs).join("\n");
  const directory = fileURLToPath(new URL("results/", import.meta.url));
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}${name}.md`, `${[head, ...runs.flatMap(remarksOn)].join("\n")}\n`);
  writeFileSync(`${directory}${name}.json`, `${JSON.stringify(runs, undefined, 2)}\n`);
  console.log(`${head}\nIn full: test/conformance/results/${name}.md`);
}

function headOf(runs: readonly Run[]): string[] {
  const rows = runs.map(({ client, server, result: { scored, scenarios } }) => {
    const others = scenarios.filter(({ isScored }) => !isScored);
    const passed = others.filter(({ outcome }) => outcome === "passed").length;
    return `| ${client} | ${server} | ${scored.passed}/${scored.total} | ${passed}/${others.length} |`;
  });
  return ["| client | server | scored | not scored |", "|---|---|---|---|", ...rows];
}

function remarksOn({ client, server, result: { scenarios } }: Run): string[] {
  const remarkable = scenarios.filter(({ failures, warnings }) => failures.length + warnings.length > 0);
  if (remarkable.length === 0) return [];
  const remarks = remarkable.flatMap(({ scenario, isScored, outcome, failures, warnings }) => [
    `- ${scenario}: ${outcome}${isScored ? "" : " (not scored)"}`,
    ...failures.map((failure) => `  - ${failure}`),
    ...warnings.map((warning) => `  - warning: ${warning}`),
  ]);
  return ["", `${client} against ${server}:`, "", ...remarks];
}
