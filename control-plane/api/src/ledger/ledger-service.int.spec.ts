// How much the ledger takes at once, and what a proxy with more than that can rely on: it says what it has in parts, and where one
// of them is lost it says all of them again. If a part that came twice counted twice, budgets would shrink; if it never could say
// that it was all, a ledger from a backup would lend nothing for ever.

import { create } from "@bufbuild/protobuf";
import {
  ExchangeRequestSchema,
  HeldRequestSchema,
  LeaseStatementSchema,
  type LeaseStatement,
} from "@tollgate/schema/ledger";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import type { Database } from "../database.ts";
import { raiseIncarnation } from "../log/incarnation.ts";
import { head } from "../log/read.ts";
import { ledgerState, raiseLedgerIncarnation } from "./freeze.ts";
import { newBudget, newId } from "./lending.fixture.ts";
import { ledgerService } from "./ledger-service.ts";
import { compareAll } from "./rebuild.ts";
import { readAccounts } from "./rows.ts";

let api: AdminApi;
let database: Database;
beforeAll(async () => {
  api = await startAdminApi("ledger_service");
  ({ database } = api.plane);
});
afterAll(async () => {
  await api.close();
});

/** Each draws one. */
function drawing(
  budgetId: string,
  leases: number,
  more: { unspent?: bigint; settled?: bigint } = {},
): LeaseStatement[] {
  return Array.from({ length: leases }, (_, at) => {
    const draw = { number: 1, asked: 1n, wanted: 1n };
    return create(LeaseStatementSchema, {
      ...{ epoch: 1n, lease: at + 1, subject: `budget/${budgetId}`, revision: 1n, draw, ...more },
    });
  });
}

test("two thousand statements are taken at once, and of more none", async () => {
  const load = { exchanges: 0, statements: 0 };
  const service = ledgerService(database, load);
  const budgetId = await newBudget(database, { limitNanoUsd: 10_000n });
  const caller = { proxyId: newId(), boot: "b" };
  const request = (leases: number) => create(ExchangeRequestSchema, { statements: drawing(budgetId, leases) });
  await expect(service.exchange(request(2_001), caller)).rejects.toMatchObject({ code: "request.invalid" });
  expect((await service.held(create(HeldRequestSchema), caller)).leases).toEqual([]);
  const { answers = [] } = await service.exchange(request(2_000), caller);
  expect(answers.map(({ grant }) => grant?.amount)).toEqual(Array.from({ length: 2_000 }, () => 1n));
  expect(load).toEqual({ exchanges: 1, statements: 2_000 });
});

test("who says again in parts what was partly lost is counted once, and the ledger lends when the last has come", async () => {
  const service = ledgerService(database);
  const budgetId = await newBudget(database, { limitNanoUsd: 10_000n });
  const caller = { proxyId: newId(), boot: "b" };
  const before = (await head(database.sql)).log.incarnation;
  await raiseIncarnation(database.sql, before + 1);
  expect((await raiseLedgerIncarnation(database.sql)).isFrozen).toBe(true);
  const said = drawing(budgetId, 2_100, { unspent: 2n, settled: 1n });
  const say = (from: number, isComplete = false) =>
    service.exchange(
      create(ExchangeRequestSchema, {
        ...{ incarnation: BigInt(before + 1), isComplete, statements: said.slice(from, from + 1_000) },
      }),
      caller,
    );
  const answersTo = async (from: number) => {
    const { answers = [] } = await say(from);
    // What they say of the account is of when they were given.
    return answers.map(({ lease, revision, grant, isOver }) => ({ lease, revision, grant, isOver }));
  };
  const first = await answersTo(0);
  // The second is lost on its way back.
  const lost = await answersTo(1_000);
  const counted = async () => {
    const [account] = await readAccounts(database.sql, [`budget/${budgetId}`]);
    return account?.state.counted;
  };
  expect(await counted()).toBe(6_000n);
  expect(await answersTo(0)).toEqual(first);
  expect(await answersTo(1_000)).toEqual(lost);
  expect(await counted()).toBe(6_000n);
  expect((await ledgerState(database.sql)).isFrozen).toBe(true);
  // What other tests were lent.
  await database.sql.query(
    "INSERT INTO ledger.restated SELECT DISTINCT proxy_id, $1::bigint FROM ledger.lease WHERE proxy_id <> $2",
    [before + 1, caller.proxyId],
  );
  await say(2_000, true);
  expect(await counted()).toBe(6_300n);
  expect((await ledgerState(database.sql)).isFrozen).toBe(false);
  expect(await compareAll(database)).toEqual([]);
});
