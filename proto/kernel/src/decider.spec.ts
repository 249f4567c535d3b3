// The shape that every decider has, shown on the smallest one: decide is asked about the fold, and what it answers folds.

import { create } from "@bufbuild/protobuf";
import { TeamCreatedSchema, TeamRetiredSchema, type TeamCreated, type TeamRetired } from "@tollgate/schema/events";
import { describe, expect, test } from "vitest";
import { accept, assertNever, fold, refuse, type Decider } from "./decider.ts";

type State = "absent" | "there" | "gone";
type Command = { kind: "create" } | { kind: "retire" };
type TeamRefusal = { kind: "team-there" } | { kind: "team-absent" };

const team: Decider<State, Command, TeamCreated | TeamRetired, TeamRefusal> = {
  stream: "team",
  initial: "absent",
  evolve: (_, event) => (event.$typeName === "tollgate.v1.TeamCreated" ? "there" : "gone"),
  decide(command, state) {
    if (command.kind === "create")
      return state === "absent"
        ? accept([create(TeamCreatedSchema, { team: { id: "t" } })], { reserve: "engineering" })
        : refuse({ kind: "team-there" });
    return state === "there"
      ? accept([create(TeamRetiredSchema, { team: { id: "t" } })], { release: true })
      : refuse({ kind: "team-absent" });
  },
};

describe("a decider", () => {
  test("accepts with events and name rules, which fold to the next state", () => {
    const decision = team.decide({ kind: "create" }, team.initial);
    if (decision.outcome === "refused") throw new Error(decision.refusal.kind);
    expect(decision.reserve).toBe("engineering");
    expect(fold(team, decision.events)).toBe("there");
  });

  test("refuses with a value and no events", () => {
    expect(team.decide({ kind: "retire" }, "absent")).toEqual({ outcome: "refused", refusal: { kind: "team-absent" } });
  });

  test("folds no events to its initial state, and all of them in order", () => {
    expect(fold(team, [])).toBe("absent");
    expect(fold(team, [create(TeamCreatedSchema), create(TeamRetiredSchema)])).toBe("gone");
  });
});

test("a case that cannot be is loud", () => {
  // What the compiler rules out still comes over a wire; the cast stands for that.
  expect(() => assertNever("surprise" as never)).toThrow('a case that cannot be: "surprise"');
});
