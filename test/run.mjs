// Runs every test there is and ends with one line that people and CI can rely on: `N passed, N failed, N skipped`. In CI a
// skipped test counts as a failure: what was not run proves nothing. Arguments go to vitest, so `npm test -- fleet` runs
// the files whose names contain "fleet". It does not build; `npm test` does that before.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const isCi = process.env.CI === "true";

const dir = mkdtempSync(join(tmpdir(), "tollgate-test-run-"));
const resultFile = join(dir, "result.json");
try {
  const code = await runVitest(resultFile);
  const { passed, failed, skipped, skippedNames } = count(resultFile);
  if (isCi && skipped > 0) say(`In CI nothing may be skipped:\n${skippedNames.map((name) => `  ${name}`).join("\n")}`);
  // vitest also fails for what is no test: an error that nobody caught, or a filter that matches no file.
  if (code !== 0 && failed === 0) say("vitest failed although no test did; its reason stands above.");
  process.exitCode = code !== 0 || failed > 0 || (isCi && skipped > 0) ? 1 : 0;
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function runVitest(outputFile) {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${outputFile}`];
  const args = [vitest, "run", ...reporters, ...process.argv.slice(2)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

function count(path) {
  const totals = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  for (const file of readResult(path)) {
    const statuses = file.assertionResults.map((test) => test.status);
    // A file that cannot even be loaded has no tests to fail; it counts as one.
    if (file.status === "failed" && !statuses.includes("failed")) totals.failed++;
    for (const test of file.assertionResults) {
      if (test.status === "passed") totals.passed++;
      else if (test.status === "failed") totals.failed++;
      else {
        totals.skipped++;
        totals.skippedNames.push(test.fullName);
      }
    }
  }
  return totals;
}

function readResult(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).testResults;
  } catch {
    // vitest ended before it could write any: its exit code tells.
    return [];
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
