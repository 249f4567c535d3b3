// What calls of tools cost, in the admin API over the real usage store: of each call and together. A cost that is shown as none
// although it is not known, or is counted with refusals, would be believed.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { storeFacts, toolFact } from "../usage/batch.fixture.ts";

let api: AdminApi;
const startMs = Date.parse("2026-06-01T00:00:00Z");
const of = (keyId: string, tool: string) => ({ keyId, teamId: "t", server: "s", tool });

beforeAll(async () => {
  api = await startAdminApi("call_usage");
  const { database } = api.plane;
  const labels = ["project=apollo"];
  await storeFacts(database, startMs, [
    toolFact(9_007_199_254_740_993n, { ...of("a", "dear"), labels }),
    toolFact(2n, of("b", "dear")),
    toolFact(0n, of("b", "free")),
    toolFact(0n, { ...of("b", "dear"), isPriceUnknown: true }),
    { kind: { case: "callRefused", value: { ...of("b", "dear"), code: "budget.spent", door: "mcp" } } },
  ]);
  // As a row of a former version is.
  await storeFacts(database, startMs - 1_000, [toolFact(0n, of("former", "dear"))]);
  await database.sql.query("UPDATE usage.call SET cost_nano_usd = NULL WHERE key_id = 'former'");
});

afterAll(() => api?.close());

test("each call says what it cost; nothing is said where it is not known", async () => {
  type Row = { keyId: string; tool: string; outcome: string; costUsd: string | null; costNanoUsd: string | null };
  const { calls } = await api.admin.run<{ calls: { nodes: Row[] } }>(
    "{ calls { nodes { keyId tool outcome costUsd costNanoUsd } } }",
  );
  const said = calls.nodes.toReversed().map((row) => [row.keyId, row.tool, row.costUsd, row.costNanoUsd]);
  expect(said).toEqual([
    ["former", "dear", null, null],
    ["a", "dear", "9007199.254740993", "9007199254740993"],
    ["b", "dear", "0.000000002", "2"],
    ["b", "free", "0", "0"],
    ["b", "dear", null, null],
    ["b", "dear", "0", "0"],
  ]);
});

test("together, in groups, the dearest first, without refusals, page by page", async () => {
  const read = async (more: Record<string, unknown> = {}) => {
    const { callUsage } = await api.admin.run<{
      callUsage: { nodes: object[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } };
    }>(
      `query ($filter: CallFilter, $groupBy: CallUsageGrouping, $first: Int, $after: String) {
         callUsage(filter: $filter, groupBy: $groupBy, first: $first, after: $after) {
           nodes { group calls costUsd costNanoUsd unpricedCalls } pageInfo { endCursor hasNextPage } } }`,
      more,
    );
    return callUsage;
  };
  const dearest = { calls: "1", costUsd: "9007199.254740993", costNanoUsd: "9007199254740993", unpricedCalls: "0" };
  const cheap = { calls: "3", costUsd: "0.000000002", costNanoUsd: "2", unpricedCalls: "1" };
  const former = { calls: "1", costUsd: "0", costNanoUsd: "0", unpricedCalls: "1" };
  const byKey = [
    { group: "a", ...dearest },
    { group: "b", ...cheap },
    { group: "former", ...former },
  ];
  expect((await read({ groupBy: "KEY" })).nodes).toEqual(byKey);
  const first = await read({ groupBy: "KEY", first: 1 });
  expect(first).toMatchObject({ nodes: byKey.slice(0, 1), pageInfo: { hasNextPage: true } });
  const rest = await read({ groupBy: "KEY", after: first.pageInfo.endCursor });
  expect(rest.nodes).toEqual(byKey.slice(1));
  await expect(read({ groupBy: "KEY", after: "bm9uZQ==" })).rejects.toBeInstanceOf(AdminError);
  expect((await read({ groupBy: "LABEL" })).nodes).toMatchObject([
    { group: "project=apollo", calls: "1" },
    { group: "", calls: "4" },
  ]);
  expect((await read({ groupBy: "TOOL" })).nodes).toMatchObject([{ group: "s/dear" }, { group: "s/free" }]);
  const all = { group: "", calls: "5", costNanoUsd: "9007199254740995", unpricedCalls: "2" };
  expect((await read()).nodes).toMatchObject([all]);
  expect((await read({ filter: { keyId: "nobody" } })).nodes).toEqual([]);
});
