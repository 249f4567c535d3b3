// Every `tollgate.yaml` that is shown or shipped is one: what the README has in its blocks, and what the embedded stack and the
// containers begin with. A sample with a mistake is the first thing that a newcomer copies.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfiguration } from "@tollgate/kernel/configuration/configuration";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const blocks = [...read("README.md").matchAll(/^```yaml\n(version: 1\n.*?)^```$/gms)].map(([, text = ""], index) => ({
  ...{ what: `block ${index + 1} of the README`, text },
}));
const files = ["infra/local/first.yaml", "infra/docker/tollgate.yaml"].map((path) => ({
  what: path,
  text: read(path),
}));

/** The one variable that has to be a key of ours, and any others. */
const key = formatKey("key", "0123456789abcdef", new Uint8Array(secretBytes).fill(7));
const resolve = ({ env }: { env: string }): string => (env === "ALICE_KEY" ? key : `value-of-${env}`);

test.each([...blocks, ...files])("$what is taken as it stands", ({ what, text }) => {
  const parsed = parseConfiguration(text, { fileName: what, resolve });
  expect(parsed.outcome === "invalid" ? parsed.report : "").toBe("");
});

test("the README has one for the first minutes, one with all there is, and one for models", () => {
  expect(blocks).toHaveLength(3);
});
