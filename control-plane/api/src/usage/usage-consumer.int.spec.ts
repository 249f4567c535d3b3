// The consumer's place moves with the facts or not at all, and one poisoned record stops nobody.
import { create, toBinary } from "@bufbuild/protobuf";
import { FactBatchSchema, FactSchema, type Fact } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "../../../../test/support/database.ts";
import type { TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase } from "../database.ts";
import type { Database } from "../database.ts";
import { batchOf, ingestParts, linkOf } from "./batch.fixture.ts";
import type { Rejection } from "./usage-consumer.ts";
import { usageConsumer, usageTopic } from "./usage-consumer.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await createDatabase("usage_consumer");
  database = await openDatabase({ url: server.url });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

function fact(seq: number): Fact {
  const kind = { case: "callRefused", value: { code: "auth.key-unknown" } } as const;
  return create(FactSchema, { seq: BigInt(seq), timeMs: 1n, kind });
}

function facts(epoch: bigint, from: number, to: number): Uint8Array {
  const all = Array.from({ length: to }, (_, i) => fact(i + 1));
  const batch = batchOf(epoch, all.slice(from - 1), linkOf(epoch, all.slice(0, from - 1)));
  return toBinary(FactBatchSchema, batch);
}

async function calls(epoch: bigint): Promise<bigint> {
  const rows = await database.sql.query<{ calls: bigint }>(
    "SELECT count(*) AS calls FROM usage.call WHERE epoch = $1",
    [epoch],
  );
  return rows[0]?.calls ?? 0n;
}

test("a consumer that starts anew goes on after what is stored, and what it reads twice counts once", async () => {
  const at = { topic: usageTopic, partition: 0 };
  const first = usageConsumer(ingestParts(database), () => expect.unreachable());
  expect(await first.next(usageTopic, 0)).toBeUndefined();
  await first.take({ ...at, offset: 0n, value: facts(1n, 1, 3) });
  await first.take({ ...at, offset: 1n, value: facts(1n, 4, 6) });
  const second = usageConsumer(ingestParts(database), () => expect.unreachable());
  expect(await second.next(usageTopic, 0)).toBe(2n);
  await second.take({ ...at, offset: 1n, value: facts(1n, 4, 6) });
  await second.take({ ...at, offset: 2n, value: facts(1n, 7, 7) });
  expect(await second.next(usageTopic, 0)).toBe(3n);
  expect(await calls(1n)).toBe(7n);
});

test("records that are no facts are told, kept and passed over", async () => {
  const rejections: Rejection[] = [];
  const consumer = usageConsumer(ingestParts(database), (rejection) => rejections.push(rejection));
  const at = { topic: usageTopic, partition: 1 };
  await consumer.take({ ...at, offset: 0n, value: new Uint8Array([0xff, 0xff, 0xff]) });
  await consumer.take({ ...at, offset: 1n, value: null });
  await consumer.take({ ...at, offset: 2n, value: facts(0n, 1, 1) });
  expect(await consumer.next(usageTopic, 1)).toBe(3n);
  await consumer.take({ ...at, offset: 3n, value: facts(2n, 1, 2) });
  expect(rejections.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
  const rows = await database.sql.query<{ position: bigint }>("SELECT position FROM usage.rejected ORDER BY id");
  expect(rows).toEqual([{ position: 0n }, { position: 1n }, { position: 2n }]);
  expect(await consumer.next(usageTopic, 1)).toBe(4n);
  expect(await calls(2n)).toBe(2n);
});

test("when the database fails, nothing is passed over: the record and the place wait together", async () => {
  const at = { topic: usageTopic, partition: 2 };
  const dying: Pick<Database, "sql" | "transaction"> = {
    sql: database.sql,
    transaction: (fn) =>
      database.transaction(async (sql) => {
        await fn(sql);
        throw new Error("planted: the server went away before the commit");
      }),
  };
  const failing = usageConsumer(ingestParts(dying), () => expect.unreachable());
  await expect(failing.take({ ...at, offset: 0n, value: facts(3n, 1, 2) })).rejects.toThrow("planted");
  expect(await failing.next(usageTopic, 2)).toBeUndefined();
  expect(await calls(3n)).toBe(0n);
});
