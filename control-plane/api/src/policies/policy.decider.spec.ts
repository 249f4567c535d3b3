// Decisions about policies. What does not compile must not get into the log: each proxy would refuse all that it covers.

import { create } from "@bufbuild/protobuf";
import { PolicyChangedSchema, PolicyCreatedSchema, PolicyRetiredSchema } from "@tollgate/schema/events";
import { LimitMeasure, RedactDirection, RedactOf } from "@tollgate/schema/resources";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { policyDecider, type PolicyRule } from "./policy.decider.ts";

const rule: PolicyRule = {
  ...{ disabled: false, order: 1, match: "call.tool == 'delete_repo'", covers: ["server/s1", "team/t1"] },
  kind: create(PolicyCreatedSchema, { policy: { kind: { case: "deny", value: { message: "No." } } } }).policy?.kind ?? {
    case: undefined,
  },
};
const named = { id: "p1", name: "no-deletes" };
const policy = { ...named, ...rule, requires: ["policy-deny"] };
const created = create(PolicyCreatedSchema, { policy });
const retired = create(PolicyRetiredSchema, { policy });
const policies = given(policyDecider);
const command = { kind: "create", ...named, rule } as const;

test("a policy takes its name, holds what it covers, and says what a proxy has to know for it", () => {
  policies()
    .when(command)
    .then([created], { reserve: "no-deletes", refer: ["server/s1", "team/t1"] });
});

const redact = create(PolicyCreatedSchema, {
  policy: {
    kind: {
      case: "redact",
      value: { of: RedactOf.MODELS, direction: RedactDirection.BOTH, patterns: ["a"], replacement: "" },
    },
  },
}).policy?.kind;

const limit = create(PolicyCreatedSchema, {
  policy: { kind: { case: "limit", value: { measure: LimitMeasure.REQUESTS, amount: 5n } } },
}).policy?.kind;

test("of which kind it is says what a proxy has to know: one from before it refuses, and does not count for nobody", () => {
  const value = { measure: LimitMeasure.CONCURRENT_CALLS, amount: 5n };
  const counting = create(PolicyCreatedSchema, {
    policy: { ...policy, kind: { case: "limit", value }, requires: ["policy-limit"] },
  });
  const kind = counting.policy?.kind ?? { case: undefined };
  policies()
    .when({ ...command, rule: { ...rule, kind } })
    .then([counting], { reserve: "no-deletes", refer: ["server/s1", "team/t1"] });
});

test("whoever names what came later requires proxies that know it, as long as he does", () => {
  const match = "principal.user.name == 'alice' && principal.customer.id == '' && call.tool == 'a'";
  const asking = create(PolicyChangedSchema, {
    policy: { ...policy, match, requires: ["policy-deny", "policy-principal"] },
  });
  policies(created)
    .when({ kind: "change", id: "p1", rule: { ...rule, match } })
    .then([asking], { refer: ["server/s1", "team/t1"] });
  policies(created, asking)
    .when({ kind: "change", id: "p1", rule })
    .then([create(PolicyChangedSchema, { policy })], { refer: ["server/s1", "team/t1"] });
});

test.each<[string, Partial<PolicyRule>, string]>([
  ["an expression that is none", { match: "call.tool ==" }, "match"],
  ["a name that calls do not have", { match: "call.tol == 'a'" }, "match"],
  ["no kind", { kind: { case: undefined } }, "kind"],
  ["requests of which no window is said", { kind: limit ?? { case: undefined } }, "limit.window"],
  ["a redaction that cannot be kept to", { kind: redact ?? { case: undefined } }, "redact.direction"],
  ["a scope that is none of a policy's", { covers: ["key/k1"] }, "covers"],
  ["an order without bound", { order: 2_000_000 }, "order"],
])("refused: %s", (_, part, field) => {
  policies()
    .when({ ...command, rule: { ...rule, ...part } })
    .refused({ kind: "invalid-input", field });
  policies(created)
    .when({ kind: "change", id: "p1", rule: { ...rule, ...part } })
    .refused({ kind: "invalid-input", field });
});

test("a change takes the place of all that it said; the same changes nothing", () => {
  const other: PolicyRule = { ...rule, disabled: true, match: "", covers: [] };
  const changed = create(PolicyChangedSchema, { policy: { ...policy, ...other } });
  policies(created).when({ kind: "change", id: "p1", rule: other }).then([changed], { refer: [] });
  policies(created).when({ kind: "change", id: "p1", rule }).then([]);
});

test("a retired policy gives its name back, and is not there any more", () => {
  policies(created).when({ kind: "retire", id: "p1" }).then([retired], { release: true });
  const missing = { kind: "not-found", scope: "policy/p1" } as const;
  policies(created, retired).when({ kind: "retire", id: "p1" }).refused(missing);
  policies(created).when(command).refused({ kind: "already-exists" });
});
