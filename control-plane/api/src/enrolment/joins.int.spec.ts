// Anybody may ask to join, and each asks the database: without a bound a stranger with guessed tokens would hold all of its
// connections, and commands and facts would wait for him.

import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { JoinRequestSchema } from "@tollgate/schema/provisions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newCaller } from "../../../../test/support/caller.ts";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { enrolmentService } from "./enrolment-service.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("joins");
  database = await openDatabase({ url: own.url });
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

test("of more who join than may, those beyond the queue are told so at once, and a text that is no token takes no turn", async () => {
  const authority = { certify: () => Promise.resolve([]) };
  const joins = { atOnceMax: 1, waitingMax: 1 };
  const service = enrolmentService({ database, authority, nowMs: Date.now, joins });
  const join = (joinToken: string) =>
    service.join(create(JoinRequestSchema, { joinToken }), newCaller()).then(
      () => "it was answered",
      (error: { code: string }) => error.code,
    );
  const guessed = () => formatKey("join", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));
  let held: Promise<string>[] = [];
  await database.transaction(async (sql) => {
    await sql.query("LOCK TABLE log.event IN ACCESS EXCLUSIVE MODE");
    held = [join(guessed()), join(guessed())];
    expect(await join(guessed())).toBe("enrolment.busy");
    expect(await join("no token")).toBe("enrolment.token-refused");
  });
  expect(await Promise.all(held)).toEqual(["enrolment.token-refused", "enrolment.token-refused"]);
  expect(await join(guessed())).toBe("enrolment.token-refused");
});
