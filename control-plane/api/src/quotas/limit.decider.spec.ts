// Decisions about limits. One that never counts a call is refused: whoever set it would believe in it.

import { create } from "@bufbuild/protobuf";
import type { LimitSettings } from "@tollgate/kernel/quotas/limit-rules";
import { LimitChangedSchema, LimitCreatedSchema, LimitRetiredSchema } from "@tollgate/schema/events";
import { LimitMeasure, LimitWindow } from "@tollgate/schema/resources";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { limitDecider } from "./limit.decider.ts";

const keyId = "00000000000000k1";
const settings: LimitSettings = {
  ...{ scope: { kind: "key", id: keyId }, measure: LimitMeasure.REQUESTS, amount: 60n },
  ...{ window: LimitWindow.MINUTE, models: [], tools: ["files/*"] },
};
const limit = { id: "l1", name: "calm", ...settings, scope: { of: { case: "keyId", value: keyId } } } as const;
const stored = { ...limit, models: [], tools: ["files/*"], window: LimitWindow.MINUTE };
const created = create(LimitCreatedSchema, { limit: stored });
const limitsOf = given(limitDecider);
const creation = { kind: "create", id: "l1", name: "calm", settings } as const;

test("a limit takes its name, and holds a team but no key", () => {
  limitsOf().when(creation).then([created], { reserve: "calm", refer: [] });
  const teamId = "00000000000000t1";
  limitsOf()
    .when({ ...creation, settings: { ...settings, scope: { kind: "team", id: teamId } } })
    .then([create(LimitCreatedSchema, { limit: { ...stored, scope: { of: { case: "teamId", value: teamId } } } })], {
      ...{ reserve: "calm", refer: [`team/${teamId}`] },
    });
});

const { TOKENS, CONCURRENT_CALLS } = LimitMeasure;

test.each<[string, Partial<LimitSettings>, string]>([
  ["by a label", { scope: { kind: "label", name: "project", value: "apollo" } }, "scope"],
  ["for nobody", { scope: { kind: "team", id: "" } }, "scope"],
  ["of less than nothing", { amount: -1n }, "amount"],
  ["of more than can be meant", { amount: 10n ** 18n }, "amount"],
  ["of calls at one time in a window", { measure: CONCURRENT_CALLS }, "window"],
  ["of requests in no window", { window: undefined }, "window"],
  ["of the tokens of tools, which have none", { measure: TOKENS }, "tools"],
  ["of what is no pattern", { tools: ["files"] }, "tools[0]"],
  ["of an alias, by which nothing is counted", { models: ["openai/*", "fast"] }, "models[1]"],
  ["of more patterns than are looked at", { models: Array.from({ length: 101 }, () => "a/*") }, "models"],
])("refused: a limit %s", (_, part, field) => {
  limitsOf()
    .when({ ...creation, settings: { ...settings, ...part } })
    .refused({ kind: "invalid-input", field });
  limitsOf(created).when({ kind: "change", id: "l1", settings: part }).refused({ kind: "invalid-input", field });
});

test("what is absent of a change stays; the same changes nothing", () => {
  const atOnce = { measure: CONCURRENT_CALLS, window: undefined, amount: 3n };
  const changed = create(LimitChangedSchema, { limit: { ...stored, ...atOnce, window: LimitWindow.UNSPECIFIED } });
  limitsOf(created).when({ kind: "change", id: "l1", settings: atOnce }).then([changed], { refer: [] });
  limitsOf(created, changed).when({ kind: "change", id: "l1", settings: atOnce }).then([]);
});

test("a retired limit gives its name back, and is not there any more", () => {
  const retired = create(LimitRetiredSchema, { limit: stored });
  limitsOf(created).when({ kind: "retire", id: "l1" }).then([retired], { release: true });
  const missing = { kind: "not-found", scope: "limit/l1" } as const;
  limitsOf(created, retired).when({ kind: "retire", id: "l1" }).refused(missing);
  limitsOf(created, retired).when({ kind: "change", id: "l1", settings: {} }).refused(missing);
  limitsOf(created).when(creation).refused({ kind: "already-exists" });
});
