// Secrets, given/when/then: names and versions, never a value.

import { fold } from "@tollgate/kernel/decider";
import { expect, test } from "vitest";
import { headerSecretName, secretDecider, type SecretCommand } from "./secret.decider.ts";

function after(...commands: SecretCommand[]) {
  const events = commands.reduce<Parameters<typeof secretDecider.evolve>[1][]>((before, command) => {
    const decision = secretDecider.decide(command, fold(secretDecider, before));
    if (decision.outcome === "refused") throw new Error(decision.refusal.kind);
    return [...before, ...decision.events];
  }, []);
  return fold(secretDecider, events);
}

const store: SecretCommand = { kind: "store", id: "1", name: "github" };

test("every store is the next version under the same name", () => {
  expect(after(store)?.secret).toMatchObject({ id: "1", name: "github", version: 1 });
  expect(after(store, store, store)?.secret).toMatchObject({ version: 3 });
  expect(secretDecider.decide(store, after(store))).toMatchObject({ outcome: "accepted", reserve: "github" });
});

test("an erased secret gives its name back, and is not found again", () => {
  const erase: SecretCommand = { kind: "erase", id: "1" };
  expect(secretDecider.decide(erase, after(store))).toMatchObject({ outcome: "accepted", release: true });
  expect(secretDecider.decide(erase, after(store, erase))).toEqual({
    outcome: "refused",
    refusal: { kind: "not-found", scope: "secret/1" },
  });
});

test("versions of one id only grow, whatever lies between: a proxy would take no notice of a lower one", () => {
  const erase: SecretCommand = { kind: "erase", id: "1" };
  expect(after(store, store, erase)?.secret).toBeUndefined();
  expect(after(store, store, erase, store)?.secret).toMatchObject({ id: "1", version: 3 });
  expect(after(store, erase, store, erase, store)?.secret).toMatchObject({ version: 3 });
});

test("a header's own secret has a name that no person can give", () => {
  expect(after({ kind: "store", id: "1", name: headerSecretName("docs", "Authorization") })?.secret).toMatchObject({
    name: "server/docs/authorization",
  });
  for (const name of ["", "Upper", "a/b", "server/a/b/c", "a b"])
    expect(secretDecider.decide({ kind: "store", id: "1", name }, undefined)).toMatchObject({
      outcome: "refused",
      refusal: { kind: "invalid-input", field: "name" },
    });
});
