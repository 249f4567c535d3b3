// `npm test` promises one last line and an exit code that CI can believe: a test that was skipped in CI, or a file that
// could not be loaded, must not look like a pass.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startProcess } from "./support/processes.ts";

const script = fileURLToPath(new URL("run.mjs", import.meta.url));
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tollgate-run-spec-"));
  await writeFile(join(dir, "vitest.config.mjs"), "export default { test: { globals: true } };");
  await writeFile(join(dir, "good.spec.js"), 'test("holds", () => { expect(1).toBe(1); });');
});

afterEach(() => rm(dir, { recursive: true, force: true }));

async function run(env: Record<string, string> = {}): Promise<{ code: number | null; lastLine: string | undefined }> {
  const args = [script, "--root", dir, "--config", join(dir, "vitest.config.mjs")];
  await using running = await startProcess({ name: "the test run", args, env });
  const { code } = await running.waitForExit(30_000);
  return { code, lastLine: running.log().trimEnd().split("\n").at(-1) };
}

test("all passed", async () => {
  expect(await run({ CI: "true" })).toEqual({ code: 0, lastLine: "1 passed, 0 failed, 0 skipped" });
}, 40_000);

test("a skipped test is a failure in CI and nowhere else", async () => {
  await writeFile(join(dir, "skipped.spec.js"), 'test.skip("needs Kafka", () => {});');
  expect(await run()).toEqual({ code: 0, lastLine: "1 passed, 0 failed, 1 skipped" });
  expect(await run({ CI: "true" })).toEqual({ code: 1, lastLine: "1 passed, 0 failed, 1 skipped" });
}, 60_000);

test("a failing test and a file that cannot be loaded both fail the run", async () => {
  await writeFile(join(dir, "bad.spec.js"), 'test("fails", () => { expect(1).toBe(2); });');
  await writeFile(join(dir, "broken.spec.js"), 'import "./not-there.js";');
  expect(await run()).toEqual({ code: 1, lastLine: "1 passed, 2 failed, 0 skipped" });
}, 40_000);
