// Decisions about teams. That names are unique and that keys hold their team is the log's part: here it is only said.

import { create } from "@bufbuild/protobuf";
import { TeamCreatedSchema, TeamRetiredSchema } from "@tollgate/schema/events";
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
