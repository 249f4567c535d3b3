// Decisions about customers. That names are unique and that teams and users hold their customer is the log's part: here it is
// only said.

import { create } from "@bufbuild/protobuf";
import { CustomerChangedSchema, CustomerCreatedSchema, CustomerRetiredSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { customerDecider } from "./customer.decider.ts";
import { ownerProblem } from "./customer-of.ts";

const customer = { id: "c1", name: "acme" };
const created = create(CustomerCreatedSchema, { customer });
const bound = { tools: ["github/*"], toolGroupIds: ["g1"], models: ["openai/*"] };
const bounded = create(CustomerChangedSchema, { customer: { ...customer, ...bound } });
const retired = create(CustomerRetiredSchema, { customer });
const customers = given(customerDecider);

test("a customer takes its name, holds the groups of its bound, and says what bounds its teams' keys", () => {
  customers()
    .when({ kind: "create", ...customer })
    .then([created], { reserve: "acme", refer: [] });
  customers()
    .when({ kind: "create", ...customer, ...bound })
    .then([create(CustomerCreatedSchema, { customer: { ...customer, ...bound } })], {
      reserve: "acme",
      refer: ["tool-group/g1"],
    });
  customers(created)
    .when({ kind: "change", id: "c1", bound })
    .then([bounded], { refer: ["tool-group/g1"] });
});

test("what a change does not name stays, and what is already so writes nothing", () => {
  const change = { kind: "change", id: "c1" } as const;
  customers(created, bounded)
    .when({ ...change, bound: { models: bound.models } })
    .then([]);
  customers(created, bounded)
    .when({ ...change, bound: { tools: [] } })
    .then([create(CustomerChangedSchema, { customer: { ...customer, ...bound, tools: [] } })], {
      refer: ["tool-group/g1"],
    });
});

test("refused: a name, a pattern or a group that cannot be, an id that is taken, what is not there", () => {
  const create = { kind: "create", ...customer } as const;
  for (const [part, field] of [
    [{ name: "Acme" }, "name"],
    [{ tools: ["github"] }, "tools[0]"],
    [{ models: ["openai/"] }, "models[0]"],
    [{ toolGroupIds: ["g1", "g1"] }, "toolGroupIds"],
  ] as const)
    customers()
      .when({ ...create, ...part })
      .refused({ kind: "invalid-input", field });
  customers(created)
    .when({ kind: "change", id: "c1", bound: { tools: ["github"] } })
    .refused({ kind: "invalid-input", field: "tools[0]" });
  customers(created).when(create).refused({ kind: "already-exists", scope: "customer/c1" });
  customers().when({ kind: "retire", id: "c1" }).refused({ kind: "not-found", scope: "customer/c1" });
});

test("a retired customer gives its name back, and is not retired twice", () => {
  customers(created).when({ kind: "retire", id: "c1" }).then([retired], { release: true });
  customers(created, retired).when({ kind: "retire", id: "c1" }).refused({ kind: "not-found" });
});

test("a user of a customer has keys in that customer's teams only, and a user of none in anyone's", () => {
  const isRefused = (ofTeam: string, ofUser: string) =>
    ownerProblem(new Map(Object.entries({ "team/t": ofTeam, "user/u": ofUser })), "t", "u") !== undefined;
  expect([isRefused("c1", "c2"), isRefused("", "c2")]).toEqual([true, true]);
  expect([isRefused("c1", "c1"), isRefused("c1", ""), isRefused("", "")]).toEqual([false, false, false]);
  expect(ownerProblem(new Map(), "t", "")).toBeUndefined();
  // Whoever forgot to look must not be let through.
  expect(() => ownerProblem(new Map([["team/t", ""]]), "t", "u")).toThrow("user/u");
});
