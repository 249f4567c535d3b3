// Decisions about model aliases. That the provider is there, and stays while an alias stands for a model of it, is the log's part:
// here it is only said.

import { create } from "@bufbuild/protobuf";
import { ModelAliasChangedSchema, ModelAliasCreatedSchema, ModelAliasRetiredSchema } from "@tollgate/schema/events";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { modelAliasDecider, type Target } from "./model-alias.decider.ts";

const targets = [{ providerId: "p1", model: "org/model:4.1" }];
const modelAlias = { id: "a1", name: "fast", targets };
const created = create(ModelAliasCreatedSchema, { modelAlias });
const retired = create(ModelAliasRetiredSchema, { modelAlias });
const aliases = given(modelAliasDecider);
const command = { kind: "create", ...modelAlias } as const;

test("an alias takes its name and holds its provider", () => {
  aliases()
    .when(command)
    .then([created], { reserve: "fast", refer: ["provider/p1"] });
});

test.each<[string, { name?: string; targets?: Target[] }, string]>([
  ["a name that would be a provider's model", { name: "openai/gpt-5" }, "name"],
  ["a name that is none", { name: "Fast one" }, "name"],
  ["no target", { targets: [] }, "targets"],
  ["two targets, between which nothing decides yet", { targets: [...targets, ...targets] }, "targets"],
  ["a model without a name", { targets: [{ providerId: "p1", model: "" }] }, "targets[0].model"],
  ["any model of a provider", { targets: [{ providerId: "p1", model: "gpt-*" }] }, "targets[0].model"],
])("refused: %s", (_, part, field) => {
  aliases()
    .when({ ...command, ...part })
    .refused({ kind: "invalid-input", field });
});

test("another target takes the place of the former one and lets its provider go; the same changes nothing", () => {
  const other = [{ providerId: "p2", model: "gpt-5" }];
  const changed = create(ModelAliasChangedSchema, { modelAlias: { ...modelAlias, targets: other } });
  aliases(created)
    .when({ kind: "change", id: "a1", targets: other })
    .then([changed], { refer: ["provider/p2"] });
  aliases(created).when({ kind: "change", id: "a1", targets }).then([]);
  aliases(created).when({ kind: "change", id: "a1", targets: [] }).refused({ kind: "invalid-input", field: "targets" });
});

test("a retired alias gives its name back, and is not there any more", () => {
  aliases(created).when({ kind: "retire", id: "a1" }).then([retired], { release: true });
  const missing = { kind: "not-found", scope: "model-alias/a1" } as const;
  aliases(created, retired).when({ kind: "retire", id: "a1" }).refused(missing);
  aliases(created, retired).when({ kind: "change", id: "a1", targets }).refused(missing);
  aliases(created).when(command).refused({ kind: "already-exists" });
});
