// The README's table of settings is what the programs read, no more and no less: a setting that nobody can find is none, and
// a default that the table tells wrongly is worse. A failure shows the table as it should be.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settings as controlPlane } from "@tollgate/api/config";
import { settings as launcher } from "@tollgate/local/config";
import { settings as proxy } from "@tollgate/proxy/config";
import { expect, test } from "vitest";

/** As much of a zod schema as the table needs. */
interface Setting {
  readonly description?: string | undefined;
  safeParse(value: undefined): { readonly success: boolean; readonly data?: unknown };
}

const programs: readonly (readonly [string, Readonly<Record<string, Setting>>])[] = [
  ["proxy", proxy],
  ["control plane", controlPlane],
  ["launcher", launcher],
];
/** Defaults that depend on the machine are said in words. */
const inWords: Readonly<Record<string, string>> = {
  TOLLGATE_PROXY_WORKERS: "cores − 1",
  TOLLGATE_DATA_DIR: "`.tollgate`",
};

function defaultOf(setting: Setting): string {
  const { success, data } = setting.safeParse(undefined);
  if (!success) return "required";
  if (data === undefined || data === "" || (Array.isArray(data) && data.length === 0)) return "unset";
  if (typeof data !== "string" && typeof data !== "number") throw new Error(`no default to show: ${typeof data}`);
  return `\`${data}\``;
}

function table(): string {
  const names = [...new Set(programs.flatMap(([, settings]) => Object.keys(settings)))].sort();
  const rows = names.map((name) => {
    // What the launcher merely passes on or sets is told by the program that it is for.
    const readers = programs.flatMap(([program, settings]) =>
      settings[name] ? [[program, settings[name]] as const] : [],
    );
    const owners = readers.filter(([program]) => program !== "launcher");
    const [first] = owners.length > 0 ? owners : readers;
    if (first === undefined) throw new Error(`nobody reads ${name}`);
    const by = (owners.length > 0 ? owners : readers).map(([program]) => program).join(", ");
    return `| \`${name}\` | ${inWords[name] ?? defaultOf(first[1])} | ${by} | ${first[1].description ?? ""} |`;
  });
  return ["| setting | default | read by | |", "|---|---|---|---|", ...rows].join("\n");
}

test("the README lists each setting with its default and its sentence", () => {
  const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
  const [found] = /^\| setting \|.*(?:\n\|.*)+/m.exec(readme) ?? [];
  expect(found).toBe(table());
});
