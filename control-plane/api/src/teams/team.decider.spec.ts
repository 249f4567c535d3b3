// Decisions about teams. That names are unique and that keys hold their team is the log's part: here it is only said.

import { create } from "@bufbuild/protobuf";
import { TeamChangedSchema, TeamCreatedSchema, TeamRetiredSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { teamDecider } from "./team.decider.ts";

const team = { id: "t1", name: "engineering" };
const created = create(TeamCreatedSchema, { team });
const retired = create(TeamRetiredSchema, { team });
const teams = given(teamDecider);

test("a team takes its name when it is created", () => {
  teams()
    .when({ kind: "create", ...team })
    .then([created], { reserve: "engineering" });
});

test.each(["", "Engineering", "-x", "a b", "a/b", "x".repeat(64)])("%j is no name", (name) => {
  teams().when({ kind: "create", id: "t1", name }).refused({ kind: "invalid-input", field: "name" });
});

test("an id is used once", () => {
  teams(created)
    .when({ kind: "create", ...team })
    .refused({ kind: "already-exists", scope: "team/t1" });
});

test("a retired team gives its name back, and is not retired twice", () => {
  teams(created).when({ kind: "retire", id: "t1" }).then([retired], { release: true });
  teams(created, retired).when({ kind: "retire", id: "t1" }).refused({ kind: "not-found", scope: "team/t1" });
  teams().when({ kind: "retire", id: "t1" }).refused({ kind: "not-found" });
  expect(teams(created, retired).state).toBeUndefined();
});

const bound = { tools: ["github/*"], toolGroupIds: ["g1"] };
const bounded = create(TeamChangedSchema, { team: { ...team, ...bound, requires: ["team-tools"] } });

test("a team that bounds its keys says that a proxy must know it, holds its groups, and lets go of both", () => {
  teams(created)
    .when({ kind: "change", id: "t1", bound })
    .then([bounded], { refer: ["tool-group/g1"] });
  const whole = create(TeamCreatedSchema, { team: { ...team, ...bound, requires: ["team-tools"] } });
  teams()
    .when({ kind: "create", ...team, ...bound })
    .then([whole], { reserve: "engineering", refer: ["tool-group/g1"] });
  teams(created, bounded)
    .when({ kind: "change", id: "t1", bound: { tools: [], toolGroupIds: [] } })
    .then([create(TeamChangedSchema, { team })], { refer: [] });
  teams(created, bounded)
    .when({ kind: "change", id: "t1", bound: { tools: bound.tools } })
    .then([]);
});

test("a team bounds models, too; no feature is asked for it, since who serves models at all knows the bound", () => {
  const models = ["openai/*", "fast"];
  const changed = create(TeamChangedSchema, { team: { ...team, models } });
  teams(created).when({ kind: "change", id: "t1", bound: { models } }).then([changed], { refer: [] });
  teams(created, changed).when({ kind: "change", id: "t1", bound: { models } }).then([]);
  teams(created, changed)
    .when({ kind: "change", id: "t1", bound: { tools: ["github/*"] } })
    .then([create(TeamChangedSchema, { team: { ...team, tools: ["github/*"], models, requires: ["team-tools"] } })], {
      refer: [],
    });
});

test("a team gets a customer once, holds it, and needs proxies that know what a customer bounds", () => {
  const owned = { team: { ...team, customerId: "c1", requires: ["team-customer"] } };
  const changed = create(TeamChangedSchema, owned);
  teams(created)
    .when({ kind: "change", id: "t1", customerId: "c1", bound: {} })
    .then([changed], { refer: ["customer/c1"] });
  teams()
    .when({ kind: "create", ...team, customerId: "c1" })
    .then([create(TeamCreatedSchema, owned)], { reserve: "engineering", refer: ["customer/c1"] });
  teams(created, changed).when({ kind: "change", id: "t1", customerId: "c1", bound: {} }).then([]);
  for (const customerId of ["c2", ""])
    teams(created, changed)
      .when({ kind: "change", id: "t1", customerId, bound: {} })
      .refused({ kind: "invalid-input", field: "customerId" });
});

test.each([
  ["a pattern that is none", { tools: ["github"] }, "tools[0]"],
  ["a pattern of no model", { models: ["openai/"] }, "models[0]"],
  ["a group twice", { toolGroupIds: ["g1", "g1"] }, "toolGroupIds"],
  [
    "more groups than a team may have",
    { toolGroupIds: Array.from({ length: 101 }, (_, n) => `g${n}`) },
    "toolGroupIds",
  ],
])("refused: %s", (_, grant, field) => {
  teams(created).when({ kind: "change", id: "t1", bound: grant }).refused({ kind: "invalid-input", field });
  teams()
    .when({ kind: "create", ...team, ...grant })
    .refused({ kind: "invalid-input", field });
});
