// Decisions about environments. A bound that no proxy could keep would refuse all of an environment's calls.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { EnvironmentRetiredSchema, EnvironmentSetSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { environmentDecider } from "./environment.decider.ts";

const environments = given(environmentDecider);
const set = (replicaAgeMsMax: bigint | undefined, name = "production") =>
  ({ kind: "set", id: "e1", name, settings: { replicaAgeMsMax } }) as const;
const wasSet = (replicaAgeMsMax?: bigint) =>
  create(EnvironmentSetSchema, {
    environment: { id: "e1", name: "production", ...(replicaAgeMsMax === undefined ? {} : { replicaAgeMsMax }) },
  });
const retired = create(EnvironmentRetiredSchema, { environment: wasSet(90_000n).environment });

test("it is set as a whole: what is not given is not said any more", () => {
  environments()
    .when(set(90_000n))
    .then([wasSet(90_000n)], { reserve: "production" });
  const state = environments(wasSet(90_000n)).when(set(undefined)).then([wasSet()], { reserve: "production" });
  expect(state?.replicaAgeMsMax).toBeUndefined();
});

test("what is set already is no event", () => {
  environments(wasSet(90_000n)).when(set(90_000n)).then([]);
});

test.each([0n, BigInt(limits.replicaAgeMsMaxMin) - 1n, BigInt(limits.replicaAgeMsMaxMax) + 1n])(
  "%s ms is no bound that a proxy could keep",
  (ms) => {
    environments().when(set(ms)).refused({ kind: "invalid-input", field: "replicaAgeMsMax" });
  },
);

test("it has a name, and is retired once", () => {
  environments().when(set(undefined, "No name")).refused({ kind: "invalid-input", field: "name" });
  environments(wasSet(90_000n)).when({ kind: "retire", id: "e1" }).then([retired], { release: true });
  environments(wasSet(90_000n), retired).when({ kind: "retire", id: "e1" }).refused({ kind: "not-found" });
});
