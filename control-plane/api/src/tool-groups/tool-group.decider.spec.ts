// Decisions about tool groups. That names are unique and that a group which is referred to stays is the log's part: here it is
// only said.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { ToolGroupChangedSchema, ToolGroupCreatedSchema, ToolGroupRetiredSchema } from "@tollgate/schema/events";
import { Era, ToolNaming } from "@tollgate/schema/resources";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { toolGroupDecider } from "./tool-group.decider.ts";

const toolGroup = { id: "g1", name: "research", tools: ["files/read_*", "prompt:github/*"] };
const created = create(ToolGroupCreatedSchema, { toolGroup });
const retired = create(ToolGroupRetiredSchema, { toolGroup });
const groups = given(toolGroupDecider);
const command = { kind: "create", ...toolGroup, naming: ToolNaming.AUTO, eras: [Era.MODERN, Era.LEGACY] } as const;

test("a group takes its name; what is meant anyway is written as nothing", () => {
  groups().when(command).then([created], { reserve: "research" });
  const legacy = create(ToolGroupCreatedSchema, {
    toolGroup: { ...toolGroup, naming: ToolNaming.NONE, eras: [Era.LEGACY] },
  });
  groups()
    .when({ ...command, naming: ToolNaming.NONE, eras: [Era.LEGACY, Era.LEGACY] })
    .then([legacy], { reserve: "research" });
});

test.each([
  ["a name that is no part of a URL", { name: "a/b" }, "name"],
  ["a group within a group", { tools: ["files/*", "group:other"] }, "tools[1]"],
  ["more patterns than a group may have", { tools: Array(limits.toolPatternsPerGroupMax + 1).fill("a/b") }, "tools"],
  ["an era that is none", { eras: [Era.UNSPECIFIED] }, "eras"],
])("refused: %s", (_, part, field) => {
  groups()
    .when({ ...command, ...part })
    .refused({ kind: "invalid-input", field });
});

test("what a change does not name stays, and one that changes nothing is no event", () => {
  const changed = create(ToolGroupChangedSchema, { toolGroup: { ...toolGroup, eras: [Era.MODERN] } });
  groups(created)
    .when({ kind: "change", id: "g1", settings: { eras: [Era.MODERN] } })
    .then([changed]);
  groups(created, changed)
    .when({ kind: "change", id: "g1", settings: { tools: toolGroup.tools } })
    .then([]);
  groups(created)
    .when({ kind: "change", id: "g1", settings: { naming: ToolNaming.AUTO, eras: [Era.LEGACY, Era.MODERN] } })
    .then([]);
});

test("a retired group gives its name back, and is not there any more", () => {
  groups(created).when({ kind: "retire", id: "g1" }).then([retired], { release: true });
  for (const kind of ["retire", "change"] as const)
    groups(created, retired)
      .when({ kind, id: "g1", settings: {} })
      .refused({ kind: "not-found", scope: "tool-group/g1" });
  groups(created).when(command).refused({ kind: "already-exists" });
});
