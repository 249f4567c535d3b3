// Calls in the admin API over the real usage store: newest first, each filter alone and together, and pages that hold every
// call once however many have the same time.

import { afterAll, beforeAll, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { Era } from "@tollgate/schema/resources";
import { FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { batchOf, ingestParts } from "../usage/batch.fixture.ts";
import { ingest } from "../usage/ingest.ts";

let api: AdminApi;
let keyId: string;
let position: string;

const startMs = Date.parse("2026-06-01T00:00:00Z");
const factCount = 40;

/** Two calls of one use of a tool, the former of which asked; every other call is by a client that says nothing. */
function saidIn(n: number) {
  if (n !== 4 && n !== 6) return { outcome: ToolCallOutcome.ANSWERED };
  const outcome = n === 4 ? ToolCallOutcome.INPUT_REQUIRED : ToolCallOutcome.ANSWERED;
  const eras = { clientEra: Era.MODERN, serverEra: Era.LEGACY };
  const whose = { toolUseId: "toolu_01", sessionId: `work-${n}`, clientName: "claude-code", clientVersion: "2.3" };
  return { outcome, method: n === 4 ? "tools/call" : "prompts/get", ...eras, ...whose };
}

/** Whose some of them are: calls and refusals alike. */
function accountOf(n: number) {
  if (n < 8 || n > 13) return {};
  return { userId: "alice", customerId: n < 12 ? "acme" : "", labels: n < 11 ? ["env=prod", "project=a=b"] : [] };
}

/** One of them at a door to models. */
function refusedAt(n: number) {
  if (n !== 11) return { code: "mcp.tool-unknown", door: "mcp" };
  const decided = { policyId: "p1", decisionId: "r11.p1" };
  return { code: "policy.denied", door: "openai", model: "gpt", server: "", tool: "", ...decided };
}

beforeAll(async () => {
  api = await startAdminApi("calls");
  const { createTeam } = await api.admin.run<{ createTeam: { team: { id: string } } }>(
    'mutation { createTeam(input: { name: "t" }) { ... on CreateTeamSucceeded { team { id } } } }',
  );
  const { issueKey } = await api.admin.run<{ issueKey: { key: { id: string }; position: string } }>(
    'mutation ($teamId: ID!) { issueKey(input: { name: "alice", teamId: $teamId }) { ... on IssueKeySucceeded { key { id } position } } }',
    { teamId: createTeam.team.id },
  );
  keyId = issueKey.key.id;
  position = issueKey.position;
  // Four calls a second, so that a page's end falls into one second's calls.
  const facts = Array.from({ length: factCount }, (_, n) => {
    const at = { seq: BigInt(n + 1), timeMs: BigInt(startMs + Math.floor(n / 4) * 1_000), requestId: `r${n}` };
    const isRefused = n % 4 === 3;
    const common = { keyId: n % 2 === 0 ? keyId : "someone", server: n < 20 ? "docs" : "files", tool: `tool${n % 4}` };
    Object.assign(common, accountOf(n));
    const init = isRefused
      ? { ...at, kind: { case: "callRefused" as const, value: { ...common, ...refusedAt(n) } } }
      : {
          ...at,
          kind: {
            case: "toolCallCompleted" as const,
            value: { ...common, ...saidIn(n), responseBytes: 2n ** 53n + 1n },
          },
        };
    return create(FactSchema, init);
  });
  await ingest(ingestParts(api.plane.database), batchOf(1n, facts));
  await api.plane.projections.reached(BigInt(position), 10_000);
});

afterAll(() => api.close());

type Row = { id: string; requestId: string; time: string; outcome: string; code: string | null; responseBytes: string };
type Page = { nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };

async function page(filter: Record<string, unknown>, first: number, after?: string | null): Promise<Page> {
  const { calls } = await api.admin.run<{ calls: Page }>(
    `query ($filter: CallFilter, $first: Int, $after: String) { calls(filter: $filter, first: $first, after: $after) {
      nodes { id requestId time outcome code responseBytes } pageInfo { hasNextPage endCursor } } }`,
    { filter, first, after: after ?? null },
  );
  return calls;
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
    Array.from({ length: factCount }, (_, n) => `r${factCount - 1 - n}`),
  );
});

test.each<[string, () => Record<string, unknown>, number]>([
  ["by the key's id", () => ({ keyId }), factCount / 2],
  ["by the key's name", () => ({ key: "alice" }), factCount / 2],
  ["by a name that no key ever had", () => ({ key: "nobody" }), 0],
  ["by server", () => ({ server: "docs" }), 19],
  ["by door", () => ({ door: "openai" }), 1],
  ["by the model that was refused", () => ({ model: "gpt" }), 1],
  ["by tool", () => ({ tool: "tool1" }), factCount / 4],
  ["by outcome", () => ({ outcome: "REFUSED" }), factCount / 4],
  ["by request", () => ({ requestId: "r5" }), 1],
  ["by outcome, of those who were asked", () => ({ outcome: "INPUT_REQUIRED" }), 1],
  ["by method", () => ({ method: "prompts/get" }), 1],
  ["by the use of a tool", () => ({ toolUseId: "toolu_01" }), 2],
  ["by session", () => ({ sessionId: "work-6" }), 1],
  ["by a session that was not said, which is none", () => ({ sessionId: "", toolUseId: "" }), 0],
  ["by what a policy decided", () => ({ decisionId: "r11.p1" }), 1],
  ["by no decision, which is none", () => ({ decisionId: "" }), 0],
  ["by user", () => ({ userId: "alice" }), 6],
  ["by customer", () => ({ customerId: "acme" }), 4],
  ["by a label", () => ({ label: { name: "project", value: "a=b" } }), 3],
  ["by a label's other value", () => ({ label: { name: "project", value: "a" } }), 0],
  ["by no user, which is none", () => ({ userId: "", customerId: "" }), 0],
  ["from a time, which belongs to it", () => ({ from: "2026-06-01T00:00:09Z" }), 4],
  ["to a time, which does not", () => ({ to: "2026-06-01T00:00:01Z" }), 4],
  ["by all at once", () => ({ keyId, server: "docs", tool: "tool0", outcome: "ANSWERED" }), 4],
])("%s", async (_, filter, count) => {
  expect((await page(filter(), 500)).nodes).toHaveLength(count);
});

test("a call says what it was and whose; what nobody said is null", async () => {
  const { calls } = await api.admin.run<{ calls: { nodes: unknown[] } }>(
    `{ calls(filter: { to: "2026-06-01T00:00:02Z" }, first: 4) {
      nodes { requestId outcome method clientEra serverEra toolUseId sessionId clientName clientVersion } } }`,
  );
  const unsaid = { method: null, clientEra: null, serverEra: null };
  const nobodys = { toolUseId: null, sessionId: null, clientName: null, clientVersion: null };
  const said = { clientEra: "MODERN", serverEra: "LEGACY", toolUseId: "toolu_01" };
  const whose = { clientName: "claude-code", clientVersion: "2.3" };
  expect(calls.nodes).toEqual([
    { requestId: "r7", outcome: "REFUSED", ...unsaid, ...nobodys },
    { requestId: "r6", outcome: "ANSWERED", method: "prompts/get", ...said, sessionId: "work-6", ...whose },
    { requestId: "r5", outcome: "ANSWERED", ...unsaid, ...nobodys },
    { requestId: "r4", outcome: "INPUT_REQUIRED", method: "tools/call", ...said, sessionId: "work-4", ...whose },
  ]);
});

test("a call says to whose account it went, a refusal too; what there is none of is null", async () => {
  const { calls } = await api.admin.run<{ calls: { nodes: unknown[] } }>(
    '{ calls(filter: { userId: "alice" }, first: 4) { nodes { requestId userId customerId labels { name value } } } }',
  );
  const marked = [
    { name: "env", value: "prod" },
    { name: "project", value: "a=b" },
  ];
  expect(calls.nodes).toEqual([
    { requestId: "r13", userId: "alice", customerId: null, labels: [] },
    { requestId: "r12", userId: "alice", customerId: null, labels: [] },
    { requestId: "r11", userId: "alice", customerId: "acme", labels: [] },
    { requestId: "r10", userId: "alice", customerId: "acme", labels: marked },
  ]);
  const { calls: others } = await api.admin.run<{ calls: { nodes: unknown[] } }>(
    '{ calls(filter: { requestId: "r1" }) { nodes { userId customerId labels { name } } } }',
  );
  expect(others.nodes).toEqual([{ userId: null, customerId: null, labels: [] }]);
});

test("a refusal by a policy at a door to models says which model and which decision; no other call says any", async () => {
  const { calls } = await api.admin.run<{ calls: { nodes: unknown[] } }>(
    '{ calls(filter: { from: "2026-06-01T00:00:02Z", to: "2026-06-01T00:00:03Z" }, first: 2) { nodes { door code model policyId decisionId } } }',
  );
  expect(calls.nodes).toEqual([
    { door: "openai", code: "policy.denied", model: "gpt", policyId: "p1", decisionId: "r11.p1" },
    { door: "mcp", code: null, model: null, policyId: null, decisionId: null },
  ]);
});

test("a refusal says its code, and a count beyond 2^53 arrives as it is", async () => {
  const { nodes } = await page({}, 2);
  expect(nodes[0]).toMatchObject({ outcome: "REFUSED", code: "mcp.tool-unknown", responseBytes: null });
  expect(nodes[1]).toMatchObject({ outcome: "ANSWERED", code: null, responseBytes: "9007199254740993" });
});

test("a cursor of another list, or text that no database holds, is the caller's mistake", async () => {
  const forged = Buffer.from(JSON.stringify(["now()", "p", "1; DROP", "1"])).toString("base64url");
  for (const [filter, after] of [
    [{}, forged],
    [{}, "zz"],
    [{ tool: "a\0b" }, null],
  ] as const) {
    const failed = await page(filter, 5, after).catch((error: unknown) => error);
    expect(failed instanceof AdminError && failed.errors[0]?.extensions?.["code"]).toBe("request.invalid");
  }
});
