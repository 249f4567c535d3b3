// A map that names streets which are gone is worse than none. Every path and every lint rule that the documents name in
// backticks has to exist, and every invariant has to say what holds it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const documents = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/dependencies.md"],
  ...readdirSync(join(root, "docs/adr")).map((name) => `docs/adr/${name}`),
];

/** Paths from the root; `http/listener.ts` in a description of the proxy and `gen/` are not. */
const paths = /`((?:proto|control-plane|data-plane|infra|test|docs|\.ci)\/[\w./-]+)`/g;
const links = /\]\((?!https?:|#)([^)#]+)/g;

test.each(documents)("%s names no path that is not there", (document) => {
  const named = [...read(document).matchAll(paths)].flatMap(([, path]) => path ?? []);
  const linked = [...read(document).matchAll(links)].flatMap(([, path]) => join(document, "..", path ?? ""));
  expect([...named, ...linked].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

const invariants = [...read("ARCHITECTURE.md").matchAll(/^(\d+)\. (\*\*.*)$/gm)];

test("the invariants are numbered without a gap", () => {
  expect(invariants.map(([, number]) => Number(number))).toEqual(invariants.map((_, index) => index + 1));
  expect(invariants.length).toBeGreaterThanOrEqual(14);
});

test.each(invariants.map(([, number, text]) => [number, text ?? ""] as const))(
  "invariant %s names the test or rule that holds it, or says that there is none yet",
  (_number, text) => {
    expect(text).toMatch(/\.(spec|contract)\.ts`|Rules? `|Not yet/);
  },
);

test("each rule that is named is one, and each rule names an invariant that there is", () => {
  const rules = read(".dependency-cruiser.cjs") + read("infra/lint/house-rules.mjs");
  const named = [...read("ARCHITECTURE.md").matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].flatMap(([, name]) => name ?? []);
  expect(named.filter((name) => !rules.includes(`"${name}"`) && !existsSync(join(root, name)))).toEqual([]);
  const numbers = [...rules.matchAll(/Invariant (\d+):/g)].map(([, number]) => Number(number));
  expect(numbers.filter((number) => number < 1 || number > invariants.length)).toEqual([]);
  expect(numbers.length).toBeGreaterThan(10);
});

test("the glossary has each word once, in the order of the alphabet", () => {
  const [, glossary = ""] = read("ARCHITECTURE.md").split("## Glossary");
  const words = [...glossary.matchAll(/^\| \*\*(.+?)\*\*/gm)].flatMap(([, word]) => word?.toLowerCase() ?? []);
  expect(words).toEqual([...new Set(words)].sort());
  expect(words.length).toBeGreaterThan(50);
});
