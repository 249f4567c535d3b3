// A rule that finds nothing looks like a rule that is kept. Here each is broken once, in a small copy of the repository's
// shape, and has to be found where it was broken; the message has to name its invariant, for that is what its reader looks
// up. Without this, a parser that silently skips TypeScript would pass everything for ever.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startProcess } from "../../test/support/processes.ts";

const script = fileURLToPath(new URL("lint.mjs", import.meta.url));
const head = "// A file of the lint's spec.\n";
const tsconfig = `{
  "compilerOptions": {
    "strict": true,
    "noEmit": true,
    "module": "nodenext",
    "target": "esnext",
    "experimentalDecorators": true,
    "allowImportingTsExtensions": true,
    "types": []
  }
}
`;

async function lint(files: Readonly<Record<string, string>>): Promise<{ code: number | null; said: string }> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-lint-spec-"));
  try {
    for (const [path, text] of Object.entries({ ...files, "tsconfig.json": tsconfig })) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), path.endsWith(".ts") ? `${head}${text}` : text);
    }
    await using running = await startProcess({ name: "the lint", args: [script, dir] });
    const { code } = await running.waitForExit(60_000);
    return { code, said: running.log() };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The files that the breaches import. */
const targets = {
  "control-plane/api/src/a.ts": "export const a = 1;\n",
  "data-plane/proxy/src/a.ts": "export const a = 1;\nexport type A = number;\n",
  "data-plane/proxy/src/fixtures/a.ts": "export const a = 1;\n",
  "proto/kernel/src/a.ts": "export const a = 1;\n",
  "proto/schema/gen/a.ts": "export const a = 1;\n",
  "infra/local/src/a.ts": "export const a = 1;\n",
};

const importOf = (what: string): string => `import { a } from "${what}";\n\nexport const b = a;\n`;

type Breach = { rule: string; path: string; text: string; invariant?: number; by?: "tool" };

const arrows: Breach[] = [
  {
    rule: "planes-apart",
    path: "control-plane/api/src/planes.ts",
    // A type alone is enough: what the data plane means by a word is its own business.
    text: `import type { A } from "../../../data-plane/proxy/src/a.ts";\n\nexport type B = A;\n`,
    invariant: 1,
  },
  { rule: "planes-apart", path: "control-plane/api/src/by-name.ts", text: importOf("@tollgate/proxy/a"), invariant: 1 },
  {
    rule: "planes-apart-reverse",
    path: "data-plane/proxy/src/planes.ts",
    text: importOf("../../../control-plane/api/src/a.ts"),
    invariant: 1,
  },
  {
    rule: "kernel-imports-schema-only",
    path: "proto/kernel/src/arrow.ts",
    text: importOf("../../../data-plane/proxy/src/a.ts"),
    invariant: 1,
  },
  { rule: "kernel-pure", path: "proto/kernel/src/pure.ts", text: 'export { join } from "node:path";\n', invariant: 1 },
  {
    rule: "schema-imports-nothing",
    path: "proto/schema/gen/arrow.ts",
    text: importOf("../../kernel/src/a.ts"),
    invariant: 1,
  },
  {
    rule: "product-without-infra",
    path: "data-plane/proxy/src/infra.ts",
    text: importOf("../../../infra/local/src/a.ts"),
    invariant: 1,
  },
  {
    rule: "infra-without-product",
    path: "infra/local/src/product.ts",
    text: importOf("../../../control-plane/api/src/a.ts"),
    invariant: 1,
  },
  {
    rule: "kafkajs-in-one-file",
    path: "data-plane/proxy/src/feed/kafka.ts",
    text: 'export { Kafka } from "kafkajs";\n',
    invariant: 2,
  },
  {
    rule: "x509-in-one-file",
    path: "data-plane/proxy/src/enrolment/x509.ts",
    text: 'export { X509Certificate } from "@peculiar/x509";\n',
    invariant: 17,
  },
  {
    rule: "typeorm-in-control-plane",
    path: "infra/local/src/rows.ts",
    text: 'export { DataSource } from "typeorm";\n',
    invariant: 1,
  },
  {
    rule: "no-database-in-data-plane",
    path: "data-plane/proxy/src/rows.ts",
    text: 'export { Client } from "pg";\n',
    invariant: 1,
  },
  {
    rule: "no-test-code-in-product",
    path: "data-plane/proxy/src/fixture-user.ts",
    text: importOf("./fixtures/a.ts"),
    invariant: 16,
  },
  {
    rule: "no-circles",
    path: "proto/kernel/src/circle.ts",
    text: 'export { b as a } from "./circle-b.ts";\n',
    invariant: 16,
  },
  {
    // After an `await using`, at which the parser's visitor stops when it is not taught.
    rule: "planes-apart",
    path: "control-plane/api/src/using.ts",
    text: `export async function use(it: AsyncDisposable): Promise<void> {\n  await using held = it;\n  void held;\n  await import("../../../data-plane/proxy/src/a.ts");\n}\n`,
    invariant: 1,
  },
];

const houseRules: Breach[] = [
  {
    rule: "environment-in-config-only",
    path: "data-plane/proxy/src/limit.ts",
    text: 'export const limit = process.env["LIMIT"];\n',
    invariant: 15,
  },
  {
    rule: "environment-in-config-only",
    path: "infra/local/src/taken-apart.ts",
    text: "const { env } = process;\nexport const limit = env.LIMIT;\n",
    invariant: 15,
  },
  {
    rule: "kernel-without-clock",
    path: "proto/kernel/src/now.ts",
    text: "export const now = Date.now();\n",
    invariant: 1,
  },
  {
    rule: "kernel-without-clock",
    path: "proto/kernel/src/date.ts",
    text: "export const now = new Date();\n",
    invariant: 1,
  },
  {
    rule: "kernel-without-clock",
    path: "proto/kernel/src/dice.ts",
    text: "export const dice = Math.random();\n",
    invariant: 1,
  },
  {
    rule: "kernel-without-clock",
    path: "proto/kernel/src/id.ts",
    text: "export const id = crypto.randomUUID();\n",
    invariant: 1,
  },
  {
    rule: "view-read-once",
    path: "data-plane/proxy/src/mcp/second.ts",
    text: "export const second = (replica: { view(): number }): number => replica.view();\n",
    invariant: 4,
  },
  {
    rule: "no-closure-assigned",
    path: "data-plane/proxy/src/closure.ts",
    text: "export const ends = (of: { end?: () => number }): void => {\n  of.end = () => 1;\n};\n",
  },
  {
    rule: "no-closure-assigned",
    path: "data-plane/proxy/src/closure-with-a-type.ts",
    text: "type End = () => number;\n\nexport const ends = (of: { end?: End }): void => {\n  of.end ??= (() => 1) as End;\n};\n",
  },
  { rule: "no-barrel", path: "proto/kernel/src/barrel.ts", text: 'export * from "./a.ts";\n', invariant: 16 },
  {
    rule: "decorators-in-control-plane",
    path: "data-plane/proxy/src/decorated.ts",
    text: "declare const kept: ClassDecorator;\n\n@kept\nexport class A {}\n",
    invariant: 16,
  },
  { rule: "no-drawers", path: "data-plane/proxy/src/utils/a.ts", text: "export const a = 1;\n" },
];

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `export const a${index} = 1;\n`).join("");

const syntax: Breach[] = [
  { rule: "no-explicit-any", path: "infra/local/src/any.ts", text: "export const a: any = 1;\n" },
  {
    rule: "no-non-null-assertion",
    path: "infra/local/src/sure.ts",
    text: "export const a = (b?: string): string => b!;\n",
  },
  {
    rule: "no-floating-promises",
    path: "infra/local/src/floating.ts",
    text: "declare function save(): Promise<void>;\n\nexport function a(): void {\n  save();\n}\n",
  },
  { rule: "no-default-export", path: "infra/local/src/default.ts", text: "export default 1;\n" },
  { rule: "max-lines", path: "infra/local/src/long.ts", text: lines(500) },
];

let said: string;
let code: number | null;

beforeAll(async () => {
  const breaches = [...arrows, ...houseRules, ...syntax].map(({ path, text }) => [path, text]);
  const circle = { "proto/kernel/src/circle-b.ts": 'export { a as b } from "./circle.ts";\n' };
  const unformatted = { "infra/local/src/unformatted.ts": "export const a   = 1\n" };
  const headless = { "infra/local/src/headless.tsx": "export const a = 1;\n" };
  ({ code, said } = await lint({
    ...targets,
    ...circle,
    ...unformatted,
    ...headless,
    ...Object.fromEntries(breaches),
  }));
}, 90_000);

test("the lint fails", () => {
  expect(code).toBe(1);
});

describe.each([...arrows, ...houseRules])("$path", ({ rule, path, invariant }) => {
  test(`breaks ${rule}, and the message says so`, () => {
    const escaped = `${path.replaceAll(".", "\\.")}`;
    // A house rule stands on one line with its place; an arrow's comment stands on the line below.
    // The cruiser names a circle by whichever of its files it met last.
    const pattern = new RegExp(
      `(${rule}: [^\\n]*\\s*${escaped} →[^]*?\\n\\s+Invariant|${escaped}:\\d+: ${rule}: )[^\\n]*`,
    );
    const [found] = pattern.exec(said) ?? [];
    expect(found, said).toBeDefined();
    if (invariant !== undefined) expect(found).toContain(`Invariant ${invariant}:`);
  });
});

test.each(syntax)("$rule is found in $path", ({ rule, path }) => {
  expect(
    said.split("\n").some((line) => line.startsWith(`${path}:`) && line.includes(`(${rule})`)),
    said,
  ).toBe(true);
});

test("what is not formatted, or does not say what it is for, is found", () => {
  expect(said).toContain("[warn] infra/local/src/unformatted.ts");
  expect(said).toContain("infra/local/src/headless.tsx:1: says-what-it-is-for: ");
});

test("a tree that keeps all rules passes", async () => {
  const { code, said } = await lint({
    ...targets,
    "control-plane/api/src/kafka.ts": 'export { Kafka } from "kafkajs";\n',
    "control-plane/api/src/config.ts": 'export const limit = process.env["LIMIT"];\n',
    "data-plane/proxy/src/pipeline/authenticate.ts":
      "export const viewOf = (replica: { view(): number }): number => replica.view();\n",
    "proto/kernel/src/date.ts": "export const date = new Date(0);\n",
  });
  expect(code, said).toBe(0);
}, 90_000);

afterAll(() => {
  if (code !== 1) console.log(said);
});
