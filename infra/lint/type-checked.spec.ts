// Vitest runs TypeScript without looking at its types: a spec that no tsconfig includes can call what is not there, compare
// what cannot be equal, and stay green. So every TypeScript file of the repository has to be in one of the projects that
// `npm run typecheck` builds; the compiler itself is asked which files those are.
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");

const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** What `tsc -b` in the root builds. */
const projects = [...read("tsconfig.json").matchAll(/"path": "([^"]+)"/g)].flatMap(([, path]) => path ?? []);

function filesOf(project: string): string[] {
  const listed = execFileSync(process.execPath, [compiler, "-p", project, "--listFilesOnly"], { cwd: root });
  return listed.toString().trim().split("\n");
}

test("every TypeScript file is in a project that is type-checked", () => {
  const written = globSync("**/*.{ts,mts,cts,tsx}", {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|\.[^/]+)$/.test(path),
  });
  expect(written).toContain("vitest.config.ts");
  const checked = new Set(projects.flatMap(filesOf));
  expect(written.filter((path) => !checked.has(join(root, path)))).toEqual([]);
}, 60_000);

test("`npm run typecheck` builds these projects, specs among them", () => {
  expect(read("package.json")).toContain('"typecheck": "tsc -b"');
  expect(projects).toContain("tsconfig.tests.json");
});
