// Calls to models in the admin API over the real usage store: newest first, each filter alone, and each call with the turn that
// asked for it and the other way round. A join that reached into another team would show one team's work to who looks at
// another's, and one query a row would make a page of turns cost hundreds.

import { create } from "@bufbuild/protobuf";
import { FactSchema, ModelCallOutcome, ToolCallOutcome, UsageBasis, type Fact } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { batchOf, ingestParts } from "../usage/batch.fixture.ts";
import { ingest } from "../usage/ingest.ts";

let api: AdminApi;
const startMs = Date.parse("2026-06-01T00:00:00Z");
const turnCount = 20;

/** Four of turns that cost the same, and one of them is marked twice. */
function accountOf(n: number) {
  if (n < 16) return {};
  return {
    userId: "carol",
    customerId: "acme",
    labels: n === 16 ? ["env=prod", "project=apollo"] : ["project=apollo"],
  };
}

/** Every second. Of each turn, `n` says what it is like. */
function turn(n: number): Omit<Fact, "$typeName" | "seq"> {
  const whose = { keyId: n % 2 === 0 ? "alice" : "bob", teamId: n < 10 ? "red" : "blue" };
  const asked = { door: "anthropic", operation: "messages", modelAsked: "fast", provider: n < 5 ? "other" : "claude" };
  const used = { inputTokens: BigInt(n), outputTokens: 2n, basis: n === 3 ? UsageBasis.ESTIMATED : UsageBasis.EXACT };
  const value = {
    ...{
      ...whose,
      ...asked,
      ...used,
      ...accountOf(n),
      model: `m${n % 4}`,
      sessionId: n < 4 ? "" : `s${n % 2}`,
      agentId: n === 7 ? "a" : "",
    },
    outcome: n === 3 ? ModelCallOutcome.UNKNOWN : ModelCallOutcome.ANSWERED,
    ...(n === 9 ? {} : { costNanoUsd: 1_000_000_001n, priceVersion: "v1" }),
    toolUseIds: n === 6 || n === 16 ? [`toolu_${n}_a`, `toolu_${n}_b`] : ["again"],
  };
  const kind = { case: "modelCallCompleted" as const, value };
  return create(FactSchema, { timeMs: BigInt(startMs + n * 1_000), requestId: `m${n}`, kind });
}

function toolCall(ms: number, requestId: string, toolUseId: string, teamId = "red"): Omit<Fact, "$typeName" | "seq"> {
  const value = {
    keyId: "alice",
    teamId,
    server: "docs",
    tool: "search",
    toolUseId,
    outcome: ToolCallOutcome.ANSWERED,
  };
  const kind = { case: "toolCallCompleted" as const, value };
  return create(FactSchema, { timeMs: BigInt(startMs + ms), requestId, kind });
}

beforeAll(async () => {
  api = await startAdminApi("model_calls");
  const facts = [
    ...Array.from({ length: turnCount }, (_, n) => turn(n)),
    toolCall(6_500, "a1", "toolu_6_a"),
    toolCall(6_700, "a2", "toolu_6_a"),
    // The turn was still being told when its tool had its answer.
    toolCall(5_900, "b", "toolu_6_b"),
    toolCall(6_600, "elsewhere", "toolu_6_a", "blue"),
    toolCall(4_200, "again", "again"),
    toolCall(1, "nobody", "toolu_none"),
    ...Array.from({ length: 30 }, (_, n) => toolCall(20_000 + n, `many${n}`, "toolu_16_a", "blue")),
  ];
  const numbered = facts.map((fact, n) => create(FactSchema, { ...fact, seq: BigInt(n + 1) }));
  await ingest(ingestParts(api.plane.database), batchOf(1n, numbered));
});

afterAll(() => api?.close());

type Row = { requestId: string };
type Page = { nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };

async function page(filter: Record<string, unknown>, first = 500, after?: string | null): Promise<Page> {
  const { modelCalls } = await api.admin.run<{ modelCalls: Page }>(
    `query ($filter: ModelCallFilter, $first: Int, $after: String) { modelCalls(filter: $filter, first: $first, after: $after) {
      nodes { requestId } pageInfo { hasNextPage endCursor } } }`,
    { filter, first, after: after ?? null },
  );
  return modelCalls;
}

test("newest first, and all pages together hold every call once", async () => {
  const rows: Row[] = [];
  let next: string | null | undefined;
  do {
    const { nodes, pageInfo }: Page = await page({}, 7, next);
    rows.push(...nodes);
    next = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
  } while (next !== undefined);
  expect(rows.map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: turnCount }, (_, n) => `m${turnCount - 1 - n}`),
  );
});

test.each<[string, Record<string, unknown>, number]>([
  ["by the key's id", { keyId: "alice" }, 10],
  ["by a name that no key ever had", { key: "nobody" }, 0],
  ["by team", { teamId: "red" }, 10],
  ["by user", { userId: "carol" }, 4],
  ["by customer", { customerId: "acme" }, 4],
  ["by a label", { label: { name: "env", value: "prod" } }, 1],
  ["by provider", { provider: "other" }, 5],
  ["by model", { model: "m1" }, 5],
  ["by outcome", { outcome: "UNKNOWN" }, 1],
  ["by how it is known", { basis: "ESTIMATED" }, 1],
  ["by session", { sessionId: "s1" }, 8],
  ["by a session that was not said, which is none", { sessionId: "" }, 0],
  ["by agent", { agentId: "a" }, 1],
  ["by what it asked for", { toolUseId: "toolu_6_b" }, 1],
  ["by request", { requestId: "m5" }, 1],
  ["from a time, which belongs to it", { from: "2026-06-01T00:00:15Z" }, 5],
  ["to a time, which does not", { to: "2026-06-01T00:00:02Z" }, 2],
  ["by all at once", { keyId: "alice", provider: "claude", model: "m2", teamId: "red", outcome: "ANSWERED" }, 1],
])("%s", async (_, filter, count) => {
  expect((await page(filter)).nodes).toHaveLength(count);
});

test("a call says what it was, used and cost; what nobody said is null", async () => {
  const { modelCalls } = await api.admin.run<{ modelCalls: { nodes: unknown[] } }>(
    `{ modelCalls(filter: { from: "2026-06-01T00:00:09Z", to: "2026-06-01T00:00:11Z" }) { nodes {
      id door operation modelAsked provider model modelServed status attempts failedAttempts streamed basis priceVersion
      costUsd costNanoUsd tokens { input cacheRead cacheWrite5m cacheWrite1h output reasoning } requestsLimit agentId } } }`,
  );
  const said = { door: "anthropic", operation: "messages", modelAsked: "fast", provider: "claude", modelServed: null };
  const unsaid = { status: null, attempts: 0, failedAttempts: [], streamed: false, requestsLimit: null, agentId: null };
  const tokens = { cacheRead: "0", cacheWrite5m: "0", cacheWrite1h: "0", output: "2", reasoning: "0" };
  const common = { ...said, ...unsaid, basis: "EXACT" };
  const cost = { priceVersion: "v1", costUsd: "1.000000001", costNanoUsd: "1000000001" };
  expect(modelCalls.nodes).toEqual([
    { ...common, ...cost, id: "0123456789abcdef/1/11", model: "m2", tokens: { input: "10", ...tokens } },
    {
      ...{ ...common, id: "0123456789abcdef/1/10", model: "m1", tokens: { input: "9", ...tokens } },
      ...{ priceVersion: null, costUsd: null, costNanoUsd: null },
    },
  ]);
});

/** The statements that `ask` runs on the usage store. */
async function statements(ask: () => Promise<unknown>): Promise<string[]> {
  const { database } = api.plane;
  const { sql } = database;
  const texts: string[] = [];
  database.sql = { query: (text, values) => (texts.push(text), sql.query(text, values)) };
  try {
    await ask();
  } finally {
    database.sql = sql;
  }
  return texts.filter((text) => text.includes("usage."));
}

type Turn = { requestId: string; toolCalls: { requestId: string; modelCall: Row | null }[] };

test("a turn has the calls that it asked for, of its own team, the oldest first, at most twenty of each", async () => {
  const run = () =>
    api.admin.run<{ modelCalls: { nodes: Turn[] } }>(
      "{ modelCalls(first: 500) { nodes { requestId toolCalls { requestId modelCall { requestId } } } } }",
    );
  const { modelCalls } = await run();
  const of = (requestId: string) => modelCalls.nodes.find((one) => one.requestId === requestId)?.toolCalls;
  const m6 = { requestId: "m6" };
  expect(of("m6")).toEqual(["a1", "a2", "b"].map((requestId) => ({ requestId, modelCall: m6 })));
  expect(of("m16")?.map(({ requestId }) => requestId)).toEqual(Array.from({ length: 20 }, (_, n) => `many${n}`));
  expect(of("m19")).toEqual([]);
  // The page, all their calls, all of those calls' turns.
  expect(await statements(run)).toHaveLength(3);
});

test("a call has the newest turn of its team before it that asked for it; what nobody asked for has none", async () => {
  const { calls } = await api.admin.run<{ calls: { nodes: { requestId: string; modelCall: Row | null }[] } }>(
    '{ calls(first: 100, filter: { to: "2026-06-01T00:00:10Z" }) { nodes { requestId modelCall { requestId } } } }',
  );
  expect(Object.fromEntries(calls.nodes.map(({ requestId, modelCall }) => [requestId, modelCall?.requestId]))).toEqual({
    ...{ a1: "m6", a2: "m6", b: "m6", again: "m4", elsewhere: undefined, nobody: undefined },
  });
});

type Usage = { group: string; calls: string; costUsd: string; costNanoUsd: string; tokens: { input: string } };
type UsagePage = { nodes: Usage[]; pageInfo: { hasNextPage: boolean; endCursor: string } };

async function usage(args: Record<string, unknown>): Promise<UsagePage> {
  const { modelUsage } = await api.admin.run<{ modelUsage: UsagePage }>(
    `query ($filter: ModelCallFilter, $groupBy: ModelUsageGrouping, $first: Int, $after: String) {
      modelUsage(filter: $filter, groupBy: $groupBy, first: $first, after: $after) {
        nodes { group calls costUsd costNanoUsd estimatedCalls unpricedCalls webSearches
          tokens { input cacheRead cacheWrite5m cacheWrite1h output reasoning } }
        pageInfo { hasNextPage endCursor } } }`,
    args,
  );
  return modelUsage;
}

test("all together is the exact sum; what has no price is counted, and in no cost", async () => {
  expect((await usage({})).nodes).toEqual([
    {
      ...{ group: "", calls: "20", costUsd: "19.000000019", costNanoUsd: "19000000019", webSearches: "0" },
      ...{ estimatedCalls: "1", unpricedCalls: "1" },
      tokens: { input: "190", cacheRead: "0", cacheWrite5m: "0", cacheWrite1h: "0", output: "40", reasoning: "0" },
    },
  ]);
  expect((await usage({ filter: { keyId: "nobody" } })).nodes).toEqual([]);
});

test.each<[string, Record<string, string>]>([
  ["KEY", { alice: "10.00000001", bob: "9.000000009" }],
  ["TEAM", { blue: "10.00000001", red: "9.000000009" }],
  ["USER", { "": "15.000000015", carol: "4.000000004" }],
  ["CUSTOMER", { "": "15.000000015", acme: "4.000000004" }],
  // What is marked twice is in both groups.
  ["LABEL", { "": "15.000000015", "project=apollo": "4.000000004", "env=prod": "1.000000001" }],
  ["PROVIDER", { claude: "14.000000014", other: "5.000000005" }],
  ["AGENT", { "": "18.000000018", a: "1.000000001" }],
  ["SESSION", { s0: "8.000000008", s1: "7.000000007", "": "4.000000004" }],
])("by %s, the dearest first", async (groupBy, groups) => {
  const { nodes } = await usage({ groupBy });
  expect(nodes.map(({ group, costUsd }) => [group, costUsd])).toEqual(Object.entries(groups));
});

test("groups come page by page, each once, also where they cost the same; a cursor of another list is refused", async () => {
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const { nodes, pageInfo } = await usage({ groupBy: "MODEL", first: 2, after });
    seen.push(...nodes.map(({ group, calls }) => `${group} ${calls}`));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
  } while (after !== undefined);
  expect(seen).toEqual([
    ...["claude/m2 4", "claude/m3 4", "claude/m0 3", "claude/m1 4"],
    ...["other/m0 2", "other/m1 1", "other/m2 1", "other/m3 1"],
  ]);
  const forged = Buffer.from(JSON.stringify(["1e3", "x"])).toString("base64url");
  const failed = await usage({ after: forged }).catch((error: unknown) => error);
  expect(failed instanceof AdminError && failed.errors[0]?.extensions?.["code"]).toBe("request.invalid");
});

test("sums go beyond what a column holds", async () => {
  const huge = 2n ** 63n - 1n;
  const outcome = ModelCallOutcome.ANSWERED;
  const value = { keyId: "huge", outcome, costNanoUsd: huge, priceVersion: "v", inputTokens: huge };
  const facts = [1n, 2n, 3n].map((seq) =>
    create(FactSchema, { seq, timeMs: 1n, requestId: "", kind: { case: "modelCallCompleted", value } }),
  );
  await ingest(ingestParts(api.plane.database), batchOf(2n, facts));
  // A former version stored costs as they came.
  await api.plane.database.sql.query("UPDATE usage.model_call SET cost_nano_usd = $1 WHERE key_id = 'huge'", [huge]);
  const { nodes } = await usage({ groupBy: "KEY", filter: { keyId: "huge" } });
  expect(nodes).toMatchObject([{ group: "huge", costNanoUsd: `${3n * huge}`, tokens: { input: `${3n * huge}` } }]);
});
