// Decisions about users. A user's customer is said once: keys are issued in the light of it.

import { create } from "@bufbuild/protobuf";
import { UserChangedSchema, UserCreatedSchema, UserRetiredSchema } from "@tollgate/schema/events";
import { test } from "vitest";
import { given } from "../decider.fixture.ts";
import { userDecider } from "./user.decider.ts";

const user = { id: "u1", name: "alice" };
const created = create(UserCreatedSchema, { user });
const ofCustomer = create(UserCreatedSchema, { user: { ...user, customerId: "c1" } });
const retired = create(UserRetiredSchema, { user });
const users = given(userDecider);

test("a user takes a name, and holds the customer and the groups of the bound", () => {
  users()
    .when({ kind: "create", ...user })
    .then([created], { reserve: "alice", refer: [] });
  users()
    .when({ kind: "create", ...user, customerId: "c1", toolGroupIds: ["g1"] })
    .then([create(UserCreatedSchema, { user: { ...user, customerId: "c1", toolGroupIds: ["g1"] } })], {
      reserve: "alice",
      refer: ["customer/c1", "tool-group/g1"],
    });
});

test("a changed bound leaves the customer what it is; one that is so already writes nothing", () => {
  const bound = { tools: ["github/*"], models: ["fast"] };
  const changed = create(UserChangedSchema, { user: { ...user, customerId: "c1", ...bound } });
  users(ofCustomer)
    .when({ kind: "change", id: "u1", bound })
    .then([changed], { refer: ["customer/c1"] });
  users(ofCustomer, changed).when({ kind: "change", id: "u1", customerId: "c1", bound }).then([]);
  for (const [state, customerId] of [
    [ofCustomer, ""],
    [ofCustomer, "c2"],
    [created, "c1"],
  ] as const)
    users(state)
      .when({ kind: "change", id: "u1", customerId, bound })
      .refused({ kind: "invalid-input", field: "customerId" });
});

test("refused: what cannot be, what is taken, what is not there", () => {
  users()
    .when({ kind: "create", ...user, name: "Alice" })
    .refused({ kind: "invalid-input", field: "name" });
  users()
    .when({ kind: "create", ...user, models: ["openai/"] })
    .refused({ kind: "invalid-input", field: "models[0]" });
  users(created)
    .when({ kind: "change", id: "u1", bound: { toolGroupIds: ["g", "g"] } })
    .refused({ kind: "invalid-input", field: "toolGroupIds" });
  users(created)
    .when({ kind: "create", ...user })
    .refused({ kind: "already-exists", scope: "user/u1" });
  users().when({ kind: "change", id: "u1", bound: {} }).refused({ kind: "not-found", scope: "user/u1" });
});

test("a retired user gives the name back, and is not retired twice", () => {
  users(created).when({ kind: "retire", id: "u1" }).then([retired], { release: true });
  users(created, retired).when({ kind: "retire", id: "u1" }).refused({ kind: "not-found", scope: "user/u1" });
});
