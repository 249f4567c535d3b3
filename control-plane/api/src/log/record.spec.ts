// What the log stores of an event: its scopes, its bound, and that bytes come back as the event that went in.

import { create, equals } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import { BudgetCreatedSchema, KeyIssuedSchema, LoggedEventSchema, TeamCreatedSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { eventsFor, fromRecord, toLogged, toRecord } from "./record.ts";

const meta = { actor: "admin-token/a", timeMs: 1_800_000_000_000 };
const team = create(TeamCreatedSchema, { team: { id: "t", name: "red" } });
const key = create(KeyIssuedSchema, { key: { id: "k", name: "ci", teamId: "t" } });

// A proxy that cannot read an event about one key would otherwise refuse everybody of the key's team.
test("an event is about its own resource alone", () => {
  expect(toLogged({ stream: "team/t", version: 1, event: team }, meta).scopes).toEqual(["team/t"]);
  expect(toLogged({ stream: "key/k", version: 1, event: key }, meta).scopes).toEqual(["key/k"]);
});

// A proxy that cannot read a budget would otherwise let its team spend without one.
test("an event about a budget or a limit is about whom it holds back, too", () => {
  const scopesOf = (of: "teamId" | "keyId" | "customerId", value: string) => {
    const budget = { id: "b", scope: { of: { case: of, value } } };
    return toLogged({ stream: "budget/b", version: 1, event: create(BudgetCreatedSchema, { budget }) }, meta).scopes;
  };
  expect(scopesOf("teamId", "t")).toEqual(["budget/b", "team/t"]);
  expect(scopesOf("keyId", "k")).toEqual(["budget/b", "key/k"]);
  expect(scopesOf("customerId", "c")).toEqual(["budget/b", "customer/c"]);
  const label = { id: "b", scope: { of: { case: "label", value: { name: "project", value: "apollo" } } } } as const;
  const ofLabel = create(BudgetCreatedSchema, { budget: label });
  expect(toLogged({ stream: "budget/b", version: 1, event: ofLabel }, meta).scopes).toEqual([
    ...["budget/b", "label/project=apollo"],
  ]);
});

test("a record reads back as what was logged with what is left of its commit, and its body as the event", () => {
  const logged = toLogged({ stream: "key/k", version: 3, event: key }, meta);
  const read = fromRecord(toRecord(logged, 4));
  expect(equals(LoggedEventSchema, read, { ...logged, left: 4 })).toBe(true);
  const [event] = eventsFor("key", [read]);
  expect(event).toEqual(key);
});

test("an event goes to no stream but its own kind's, and has a resource with an id", () => {
  expect(() => toLogged({ stream: "key/t", version: 1, event: team }, meta)).toThrow("does not belong");
  const nameless = create(TeamCreatedSchema, { team: { name: "red" } });
  expect(() => toLogged({ stream: "team/t", version: 1, event: nameless }, meta)).toThrow("without an id");
  const read = toLogged({ stream: "team/t", version: 1, event: team }, meta);
  expect(() => eventsFor("key", [read])).toThrow("not an event of a key stream");
});

test("the bound counts the whole record: the last byte that fits, and the first that does not", () => {
  const logged = toLogged({ stream: "team/t", version: 1, event: team }, meta);
  const spare =
    limits.eventBytesMax - toRecord({ ...logged, body: new Uint8Array(limits.eventBytesMax - 1_000) }).length;
  const body = new Uint8Array(limits.eventBytesMax - 1_000 + spare);
  expect(toRecord({ ...logged, body })).toHaveLength(limits.eventBytesMax);
  expect(() => toRecord({ ...logged, body: new Uint8Array(body.length + 1) })).toThrow(TollgateError);
});
