// Facts of calls to models on a real PostgreSQL: each once, with everything that it says. A row that lost a digit of a count or
// a cost would be a wrong bill, and a value that the database refuses would hold up its epoch, and with it all of a proxy.
import { create, toBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { FactCursorSchema } from "@tollgate/schema/sync";
import type { Fact, ModelCallCompleted } from "@tollgate/schema/usage";
import { FactSchema, ModelCallCompletedSchema, ModelCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { batchOf, ingestParts, linkOf, proxyId } from "./batch.fixture.ts";
import { ingest, storedCursors, type IngestParts } from "./ingest.ts";
import { readUnread } from "./unread-facts.ts";

let server: TestDatabase;
let database: Database;
let parts: IngestParts & { refused: string[] };
let epochs = 0n;

beforeAll(async () => {
  server = await createDatabase("ingest_models");
  database = await openDatabase({ url: server.url });
  parts = ingestParts(database);
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

/** Every field has a value of its own: one that goes into another's column is seen. */
const whole = {
  ...{ keyId: "key", teamId: "team", userId: "user", customerId: "customer", labels: ["project=apollo", "env=prod"] },
  ...{ door: "anthropic", operation: "messages", modelAsked: "fast" },
  ...{ providerId: "p-id", provider: "claude", model: "claude-x", modelServed: "claude-x-1", credential: "second" },
  ...{ outcome: ModelCallOutcome.ANSWERED, status: 200, attempts: 2, failedAttempts: ["first 429"], streamed: true },
  ...{ requestBytes: 1n, responseBytes: 2n, firstByteUs: 3n, totalUs: 4n, inputTokens: 5n, cacheReadTokens: 6n },
  ...{ cacheWrite5mTokens: 7n, cacheWrite1hTokens: 8n, outputTokens: 9n, reasoningTokens: 10n, webSearches: 11n },
  ...{ basis: UsageBasis.EXACT, costNanoUsd: 9_007_199_254_740_993n, priceVersion: "v1", serviceTier: "priority" },
  ...{ stopReason: "tool_use", toolUseIds: ["toolu_1", "toolu_2"], providerRequestId: "req_1", sessionId: "s" },
  ...{ agentId: "a", parentAgentId: "pa", clientName: "claude-code", clientVersion: "2.1" },
  ...{
    requestsLimit: 12n,
    requestsRemaining: 0n,
    tokensLimit: 13n,
    tokensRemaining: 14n,
    accounts: ["budget/b/1/total"],
  },
};

function modelCall(seq: bigint, value: Partial<Omit<ModelCallCompleted, "$typeName" | "$unknown">> = whole): Fact {
  const said = create(ModelCallCompletedSchema, { outcome: ModelCallOutcome.ANSWERED, ...value });
  const kind = { case: "modelCallCompleted" as const, value: said };
  return create(FactSchema, { seq, timeMs: 1_795_530_000_123n, requestId: `r${seq}`, kind });
}

function refused(seq: bigint): Fact {
  const value = { keyId: "key", code: "mcp.tool-unknown", door: "openai", model: "gpt" };
  return create(FactSchema, { seq, timeMs: 5n, requestId: `r${seq}`, kind: { case: "callRefused", value } });
}

function rows(epoch: bigint): Promise<Record<string, unknown>[]> {
  return database.sql.query(
    "SELECT *, (extract(epoch FROM time) * 1000)::bigint AS ms FROM usage.model_call WHERE epoch = $1 ORDER BY seq",
    [epoch],
  );
}

test("a call's fact becomes a row that says all of it", async () => {
  const epoch = ++epochs;
  await ingest(parts, batchOf(epoch, [modelCall(1n)]));
  const [{ time, link, ...row } = {}, ...others] = await rows(epoch);
  expect(others).toEqual([]);
  expect([time instanceof Date, link instanceof Uint8Array]).toEqual([true, true]);
  expect(row).toEqual({
    ...{ proxy_id: proxyId, epoch, seq: 1n, ms: 1_795_530_000_123n, request_id: "r1", key_id: "key", team_id: "team" },
    ...{ user_id: "user", customer_id: "customer", labels: ["project=apollo", "env=prod"] },
    ...{ door: "anthropic", operation: "messages", model_asked: "fast", provider_id: "p-id", provider: "claude" },
    ...{ model: "claude-x", model_served: "claude-x-1", credential: "second", outcome: "answered", status: 200 },
    ...{ attempts: 2, failed_attempts: ["first 429"], streamed: true, request_bytes: 1n, response_bytes: 2n },
    ...{ first_byte_us: 3n, total_us: 4n, input_tokens: 5n, cache_read_tokens: 6n, cache_write_5m_tokens: 7n },
    ...{ cache_write_1h_tokens: 8n, output_tokens: 9n, reasoning_tokens: 10n, web_searches: 11n, basis: "exact" },
    ...{ cost_nano_usd: 9_007_199_254_740_993n, price_version: "v1", service_tier: "priority" },
    ...{ stop_reason: "tool_use", tool_use_ids: ["toolu_1", "toolu_2"], provider_request_id: "req_1" },
    ...{ session_id: "s", agent_id: "a", parent_agent_id: "pa", client_name: "claude-code", client_version: "2.1" },
    ...{ requests_limit: 12n, requests_remaining: 0n, tokens_limit: 13n, tokens_remaining: 14n },
    accounts: ["budget/b/1/total"],
  });
});

test("what a former or a later proxy says is taken as far as it is known, and never for more than it is", async () => {
  const epoch = ++epochs;
  // An outcome and a basis of a later version, by their numbers.
  const later = { outcome: 99, basis: 99 };
  const nothingUsed = { outcome: ModelCallOutcome.PROVIDER_FAILED, basis: UsageBasis.NONE };
  const unknown = {
    outcome: ModelCallOutcome.UNKNOWN,
    basis: UsageBasis.ESTIMATED,
    costNanoUsd: 7n,
    priceVersion: "v",
  };
  const unmetered = { basis: UsageBasis.UNMETERED, tokensRemaining: 5n };
  await ingest(
    parts,
    batchOf(
      epoch,
      [{}, later, nothingUsed, unknown, unmetered].map((v, n) => modelCall(BigInt(n + 1), v)),
    ),
  );
  const said = (await rows(epoch)).map(({ outcome, basis, status, cost_nano_usd, tokens_remaining }) => {
    return [outcome, basis, status, cost_nano_usd, tokens_remaining];
  });
  expect(said).toEqual([
    ["answered", "estimated", null, null, null],
    ["provider-failed", "estimated", null, null, null],
    ["provider-failed", "none", null, 0n, null],
    ["unknown", "estimated", null, 7n, null],
    ["answered", "unmetered", null, null, null],
  ]);
});

test("what a client or a provider wrote cannot hold up an epoch: it is cut, and what PostgreSQL refuses is replaced", async () => {
  const epoch = ++epochs;
  const huge = 2n ** 64n - 1n;
  const strange = [`a"b\\c{d},e`, "", "NULL", "\0", "\\", "é\n\u{1f6a7}"];
  const numbers = {
    inputTokens: huge,
    costNanoUsd: huge,
    requestsLimit: huge,
    attempts: 4_294_967_295,
    status: 70_000,
  };
  const value = { ...whole, ...numbers, modelAsked: "m\0".repeat(1_000), toolUseIds: strange };
  const many = { ...whole, failedAttempts: Array.from({ length: 5_000 }, () => "x".repeat(1_000)) };
  await ingest(parts, batchOf(epoch, [modelCall(1n, value), modelCall(2n, many)]));
  const [first, second] = await rows(epoch);
  const most = 2n ** 63n - 1n;
  expect(first).toMatchObject({ input_tokens: most, cost_nano_usd: 10n ** 17n, requests_limit: most, status: 999 });
  expect(first).toMatchObject({ attempts: 2 ** 31 - 1, model_asked: "m\u{fffd}".repeat(256) });
  expect(first?.["tool_use_ids"]).toEqual([`a"b\\c{d},e`, "", "NULL", "\u{fffd}", "\\", "é\n\u{1f6a7}"]);
  expect(second?.["failed_attempts"]).toEqual(Array.from({ length: 256 }, () => "x".repeat(512)));
});

test("facts of both kinds, sent again whole or in part, are counted once, and a refusal keeps the model", async () => {
  const epoch = ++epochs;
  const facts = [modelCall(1n), refused(2n), modelCall(3n), modelCall(4n)];
  await ingest(parts, batchOf(epoch, facts.slice(0, 3)));
  await ingest(parts, batchOf(epoch, facts.slice(0, 3)));
  expect(await ingest(parts, batchOf(epoch, facts.slice(2), linkOf(epoch, facts.slice(0, 2))))).toEqual({ stored: 4n });
  expect((await rows(epoch)).map(({ seq }) => seq)).toEqual([1n, 3n, 4n]);
  expect(await database.sql.query("SELECT seq, door, model FROM usage.call WHERE epoch = $1", [epoch])).toEqual([
    { seq: 2n, door: "openai", model: "gpt" },
  ]);
});

test("batches of one epoch that arrive at the same moment leave each call once, and the sums exact", async () => {
  const epoch = ++epochs;
  const facts = Array.from({ length: 30 }, (_, n) => modelCall(BigInt(n + 1)));
  const stored = async (from: number) => {
    const sent = facts.slice(from, from + 10);
    return (await ingest(parts, batchOf(epoch, sent, linkOf(epoch, facts.slice(0, from))))).stored;
  };
  for (let round = 0; (await stored(0)) !== 30n; round++) {
    expect(round).toBeLessThan(20);
    await Promise.all([0, 10, 5, 20, 15].map(stored));
  }
  const [sum] = await database.sql.query(
    "SELECT sum(cost_nano_usd)::text AS cost FROM usage.model_call WHERE epoch = $1",
    [epoch],
  );
  expect(sum).toEqual({ cost: (30n * whole.costNanoUsd).toString() });
});

test("two that write in one epoch are told apart where what is stored is a call to a model", async () => {
  const epoch = ++epochs;
  const ours = [1n, 2n, 3n].map((seq) => modelCall(seq));
  const theirs = [modelCall(1n, { ...whole, outputTokens: 1n }), ...ours.slice(1)];
  await ingest(parts, batchOf(epoch, ours));
  await expect(ingest(parts, batchOf(epoch, theirs.slice(0, 2)))).rejects.toMatchObject({ code: "usage.forked" });
  expect(await ingest(parts, batchOf(epoch, ours.slice(0, 2)))).toEqual({ stored: 3n });
  const asked = (link: Uint8Array) =>
    storedCursors(database.sql, proxyId, [create(FactCursorSchema, { epoch, seq: 2n, link })]);
  expect(await asked(linkOf(epoch, ours.slice(0, 2)))).toMatchObject({ stored: [{ epoch, seq: 3n }], forked: [] });
  expect(await asked(linkOf(epoch, theirs.slice(0, 2)))).toEqual({ stored: [], forked: [epoch] });
});

test("what a former version left unread is read by one that knows its kind, once, and holds its place in the chain", async () => {
  const epoch = ++epochs;
  const facts = [1n, 2n, 3n, 4n].map((seq) => modelCall(seq));
  await ingest(parts, batchOf(epoch, facts));
  // As if the first three had come to it.
  await database.sql.query(
    "INSERT INTO usage.unread SELECT proxy_id, epoch, seq, $2, link FROM usage.model_call WHERE epoch = $1 AND seq < 4",
    [epoch, toBinary(FactSchema, modelCall(1n))],
  );
  await database.sql.query("DELETE FROM usage.model_call WHERE epoch = $1 AND seq < 4", [epoch]);
  const strange = toBinary(FactSchema, create(FactSchema, { seq: 9n, timeMs: 1n }));
  await database.sql.query("INSERT INTO usage.unread VALUES ($1, $2, 9, $3)", [proxyId, epoch, strange]);
  const read = await Promise.all([readUnread(database), readUnread(database)]);
  expect(read[0] + read[1]).toBe(3);
  expect(await readUnread(database)).toBe(0);
  expect((await rows(epoch)).map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n]);
  expect(await database.sql.query("SELECT seq FROM usage.unread WHERE epoch = $1", [epoch])).toEqual([{ seq: 9n }]);
  const theirs = [modelCall(1n, { ...whole, outputTokens: 1n })];
  await expect(ingest(parts, batchOf(epoch, theirs))).rejects.toMatchObject({ code: "usage.forked" });
});

test("a call without an outcome is refused with its batch", async () => {
  const epoch = ++epochs;
  const nothing = modelCall(2n, { outcome: ModelCallOutcome.UNSPECIFIED });
  await expect(ingest(parts, batchOf(epoch, [modelCall(1n), nothing]))).rejects.toSatisfy(
    (error) => error instanceof TollgateError && error.code === "usage.invalid",
  );
  expect(await rows(epoch)).toEqual([]);
});
