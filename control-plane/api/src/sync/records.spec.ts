// What a snapshot says of a resource beside its bytes. A proxy that does not know budgets has only that to refuse by.

import { create, toBinary } from "@bufbuild/protobuf";
import { restrainingKinds } from "@tollgate/kernel/quotas/quota-scope";
import { fromSnapshot } from "@tollgate/kernel/replica";
import { BudgetSchema, LimitSchema, PolicySchema, TeamSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { resourceOf } from "./records.ts";

const scope = { of: { case: "teamId", value: "t" } } as const;
const bodies = {
  budget: toBinary(BudgetSchema, create(BudgetSchema, { id: "x", scope })),
  limit: toBinary(LimitSchema, create(LimitSchema, { id: "x", scope })),
  policy: toBinary(PolicySchema, create(PolicySchema, { id: "x", covers: ["team/t"] })),
};

test("whom it holds back goes with it", () => {
  for (const [kind, body] of Object.entries(bodies)) {
    const sent = resourceOf({ kind, id: "x", body });
    expect(sent).toEqual({ kind, id: "x", body, restrains: ["team/t"] });
    // As a software meets it to which the kind is new.
    const replica = fromSnapshot(1n, [{ kind: "unheard", id: "x", bytes: body, restrains: sent.restrains ?? [] }]);
    expect([...replica.refused.keys()]).toEqual(["unheard/x", "team/t"]);
  }
  expect([...restrainingKinds].sort()).toEqual(Object.keys(bodies).sort());
});

test("what holds nobody back goes as it is stored", () => {
  const stored = { kind: "team", id: "t", body: toBinary(TeamSchema, create(TeamSchema, { id: "t" })) };
  expect(resourceOf(stored)).toBe(stored);
});
