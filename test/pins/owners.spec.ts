// Each event belongs to one decider: the one for the kind of its streams, which lies in a file of that name. An event that
// nobody decides could only be appended past the rules; a decider for no event decides nothing.

import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { eventTypes } from "@tollgate/kernel/catalogue";
import { describe, expect, test } from "vitest";

const sources = join(import.meta.dirname, "../../control-plane/api/src");
const files = globSync("*/*.decider.ts", { cwd: sources });
const streams = [...new Set([...eventTypes.values()].map(({ stream }) => stream))];

test("each kind of stream has one file with its decider, and each such file a kind of stream", () => {
  const owners = files.map((file) => basename(file, ".decider.ts")).sort();
  expect(owners, "control-plane/api/src/*/<stream>.decider.ts").toEqual([...streams].sort());
});

describe.each(files)("%s", (file) => {
  const stream = basename(file, ".decider.ts");
  const events = [...eventTypes.values()].filter((event) => event.stream === stream);

  test("exports one decider, for the stream of its name", async () => {
    const exported: unknown = await import(pathToFileURL(join(sources, file)).href);
    const deciders = Object.values(Object(exported)).filter(isDecider);
    expect(deciders.map((decider) => decider.stream)).toEqual([stream]);
  });

  test("decides every event of its stream and no other", () => {
    const text = readFileSync(join(sources, file), "utf8");
    const made = [...eventTypes.values()].filter(({ desc }) => text.includes(`create(${desc.name}Schema`));
    expect(made.map(({ type }) => type).sort()).toEqual(events.map(({ type }) => type).sort());
  });
});

function isDecider(value: unknown): value is { stream: string } {
  return typeof value === "object" && value !== null && "decide" in value && "evolve" in value && "stream" in value;
}
