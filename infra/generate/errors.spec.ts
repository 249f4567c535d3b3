// The registry of errors is read by operators as a list of what can happen. A code that nothing raises is a page about
// nothing, and often the trace of a check that was lost; a committed page that differs from the registry misleads.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorShapes, errors } from "@tollgate/kernel/errors";
import { expect, test } from "vitest";
import { errorsPage } from "./errors-page.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const registries = ["errors.ts", "quota-errors.ts"].map((name) => join("proto", "kernel", "src", name));

async function productSources(): Promise<string[]> {
  const folders = ["proto/kernel/src", "control-plane/api/src", "data-plane/proxy/src"];
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(join(root, folder), { recursive: true });
      return names.map((name) => join(folder, name));
    }),
  );
  return found.flat().filter((path) => /(?<!\.(spec|fixture))\.ts$/.test(path) && !registries.includes(path));
}

test("each error code is used somewhere in the product", async () => {
  const sources = await Promise.all((await productSources()).map((path) => readFile(join(root, path), "utf8")));
  const unused = Object.keys(errors).filter((code) => !sources.some((text) => text.includes(`"${code}"`)));
  expect(unused).toEqual([]);
});

test("the page has a section for each code, and each text stands in it", () => {
  const page = errorsPage(errors, errorShapes);
  for (const [code, { text, help }] of Object.entries(errors)) {
    expect(page).toContain(`### \`${code}\``);
    expect(page).toContain(text);
    expect(page).toContain(help);
  }
});
