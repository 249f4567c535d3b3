// Every fact exactly once, on a real PostgreSQL: whichever way it came, how often, in what order, and who restarted.
import { create, toBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { Era } from "@tollgate/schema/resources";
import { EpochCountSchema, FactCursorSchema } from "@tollgate/schema/sync";
import type { Fact, FactBatch } from "@tollgate/schema/usage";
import { FactBatchSchema, FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "../../../../test/support/database.ts";
import type { TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase } from "../database.ts";
import type { Database } from "../database.ts";
import { handle } from "../log/handle.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import { batchOf, ingestParts, linkOf, proxyId, signed } from "./batch.fixture.ts";
import { ingest, storedCursors, type IngestParts } from "./ingest.ts";
import { readFactGaps, storeEpochCounts } from "./epoch-counts.ts";

let server: TestDatabase;
let database: Database;
let parts: IngestParts & { refused: string[] };
let epochs = 0n;

beforeAll(async () => {
  server = await createDatabase("ingest");
  database = await openDatabase({ url: server.url });
  parts = ingestParts(database);
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

function completed(seq: bigint): Fact {
  const value = { keyId: "key", teamId: "team", serverId: "id", server: "github", tool: "search", upstreamStatus: 200 };
  const outcome = ToolCallOutcome.ANSWERED;
  return create(FactSchema, {
    seq,
    timeMs: 1_795_530_000_123n,
    requestId: `r${seq}`,
    kind: { case: "toolCallCompleted", value: { ...value, outcome, requestBytes: 10n, totalUs: 1_500n } },
  });
}

function refused(seq: bigint, tool = "hidden"): Fact {
  const value = { keyId: "key", code: "mcp.tool-unknown", door: "mcp", server: "github", tool };
  return create(FactSchema, { seq, timeMs: 5n, requestId: `r${seq}`, kind: { case: "callRefused", value } });
}

function lost(seq: bigint, lastSeq: bigint): Fact {
  return create(FactSchema, {
    seq,
    timeMs: 5n,
    kind: { case: "usageLost", value: { lastSeq, reason: "not-in-spool" } },
  });
}

/** Facts of a sequence whose every member is what `completed` makes, unless they say what they follow. */
function batch(epoch: bigint, facts: Fact[], before?: Uint8Array): FactBatch {
  const first = facts[0]?.seq ?? 1n;
  const usual = Array.from({ length: Math.max(0, Math.min(Number(first), 200) - 1) }, (_, i) =>
    completed(BigInt(i + 1)),
  );
  return batchOf(epoch, facts, before ?? linkOf(epoch, usual));
}

/** Each number of the sequence with what the store says of it, in order; a number that is there twice shows twice. */
async function stored(epoch: bigint): Promise<string[]> {
  const rows = await database.sql.query<{ seq: bigint; kind: string }>(
    `SELECT seq, 'call' AS kind FROM usage.call WHERE proxy_id = $1 AND epoch = $2
     UNION ALL SELECT generate_series(seq, last_seq), 'lost' FROM usage.lost WHERE proxy_id = $1 AND epoch = $2
     UNION ALL SELECT seq, 'unread' FROM usage.unread WHERE proxy_id = $1 AND epoch = $2 ORDER BY seq`,
    [proxyId, epoch],
  );
  return rows.map(({ seq, kind }) => `${seq} ${kind}`);
}

async function cursor(epoch: bigint): Promise<{ stored: bigint; seen: bigint } | undefined> {
  const rows = await database.sql.query<{ stored: bigint; seen: bigint }>(
    "SELECT stored, seen FROM usage.cursor WHERE proxy_id = $1 AND epoch = $2",
    [proxyId, epoch],
  );
  return rows[0];
}

test("a call's fact becomes a row that says all of it", async () => {
  const epoch = ++epochs;
  await ingest(parts, batch(epoch, [completed(1n), refused(2n)]));
  const rows = await database.sql.query(
    "SELECT *, time::text FROM usage.call WHERE proxy_id = $1 AND epoch = $2 ORDER BY seq",
    [proxyId, epoch],
  );
  expect(rows).toMatchObject([
    {
      ...{ seq: 1n, request_id: "r1", key_id: "key", team_id: "team", server_id: "id", server: "github" },
      ...{ tool: "search", outcome: "answered", code: "", upstream_status: 200, request_bytes: 10n, total_us: 1_500n },
    },
    { seq: 2n, outcome: "refused", code: "mcp.tool-unknown", door: "mcp", tool: "hidden", total_us: null },
  ]);
  const [time] = await database.sql.query<{ ms: bigint }>(
    "SELECT (extract(epoch FROM time) * 1000)::bigint AS ms FROM usage.call WHERE proxy_id = $1 AND epoch = $2 AND seq = 1",
    [proxyId, epoch],
  );
  expect(time?.ms).toBe(1_795_530_000_123n);
});

test("a call's row says how it was asked for, by whom, in the middle of what, and in which eras", async () => {
  const epoch = ++epochs;
  const asked = completed(1n);
  const said = { method: "prompts/get", clientEra: Era.MODERN, serverEra: Era.LEGACY, toolUseId: "toolu_01" };
  const whose = { sessionId: "work", clientName: "claude\0code", clientVersion: "v".repeat(600) };
  Object.assign(asked.kind.value ?? {}, { ...said, ...whose, outcome: ToolCallOutcome.INPUT_REQUIRED });
  const tomorrows = completed(2n);
  Object.assign(tomorrows.kind.value ?? {}, { clientEra: 99, serverEra: Era.MODERN });
  await ingest(parts, batch(epoch, [asked, tomorrows, completed(3n), refused(4n)]));
  const rows = await database.sql.query(
    `SELECT outcome, method, client_era, server_era, tool_use_id, session_id, client_name, client_version
     FROM usage.call WHERE proxy_id = $1 AND epoch = $2 ORDER BY seq`,
    [proxyId, epoch],
  );
  const unsaid = { method: "", client_era: "", server_era: "", tool_use_id: "", session_id: "", client_name: "" };
  expect(rows).toEqual([
    {
      ...{ outcome: "input-required", method: "prompts/get", client_era: "modern", server_era: "legacy" },
      ...{ tool_use_id: "toolu_01", session_id: "work" },
      ...{ client_name: "claude\u{fffd}code", client_version: "v".repeat(512) },
    },
    { ...unsaid, outcome: "answered", server_era: "modern", client_version: "" },
    { ...unsaid, outcome: "answered", client_version: "" },
    { ...unsaid, outcome: "refused", client_version: "" },
  ]);
});

test("facts sent again, whole or in part, are counted once", async () => {
  const epoch = ++epochs;
  expect(await ingest(parts, batch(epoch, [completed(1n), completed(2n)]))).toEqual({ stored: 2n });
  expect(await ingest(parts, batch(epoch, [completed(1n), completed(2n)]))).toEqual({ stored: 2n });
  expect(await ingest(parts, batch(epoch, [completed(2n), completed(3n)]))).toEqual({ stored: 3n });
  expect(await stored(epoch)).toEqual(["1 call", "2 call", "3 call"]);
});

test("a batch beyond the cursor stores nothing, shows the hole, and is told where to go on", async () => {
  const epoch = ++epochs;
  await ingest(parts, batch(epoch, [completed(1n)]));
  expect(await ingest(parts, batch(epoch, [completed(4n), completed(5n)]))).toEqual({ stored: 1n });
  expect(await cursor(epoch)).toEqual({ stored: 1n, seen: 5n });
  await ingest(parts, batch(epoch, [2n, 3n, 4n, 5n].map(completed)));
  expect(await cursor(epoch)).toEqual({ stored: 5n, seen: 5n });
  const spooled = [epoch, 999_999n].map((of) => create(FactCursorSchema, { epoch: of, seq: 5n }));
  expect(await storedCursors(database.sql, proxyId, spooled)).toMatchObject({
    stored: [
      { epoch, seq: 5n },
      { epoch: 999_999n, seq: 0n },
    ],
    forked: [],
  });
});

test("a loss that overlaps what is stored counts only what is new, and facts that come after all are not counted too", async () => {
  const epoch = ++epochs;
  await ingest(parts, batch(epoch, [completed(1n), completed(2n)]));
  expect(await ingest(parts, batch(epoch, [lost(1n, 5n)]))).toEqual({ stored: 5n });
  expect(await ingest(parts, batch(epoch, [completed(6n)]))).toEqual({ stored: 6n });
  await ingest(parts, batch(epoch, [3n, 4n, 5n, 6n].map(completed)));
  expect(await stored(epoch)).toEqual(["1 call", "2 call", "3 lost", "4 lost", "5 lost", "6 call"]);
});

test("what a client wrote cannot hold up an epoch: characters that PostgreSQL refuses are replaced", async () => {
  const epoch = ++epochs;
  await ingest(parts, batch(epoch, [refused(1n, 'a\0b"{},\\'), refused(2n, "x".repeat(100_000))]));
  const rows = await database.sql.query<{ tool: string }>(
    "SELECT tool FROM usage.call WHERE proxy_id = $1 AND epoch = $2 ORDER BY seq",
    [proxyId, epoch],
  );
  expect(rows.map(({ tool }) => tool.slice(0, 20))).toEqual(['a\u{fffd}b"{},\\', "x".repeat(20)]);
});

test("a fact of a kind that came later is kept as it is, and the epoch goes on", async () => {
  const epoch = ++epochs;
  const strange = create(FactSchema, { seq: 1n, timeMs: 5n });
  await ingest(parts, batch(epoch, [strange, completed(2n)]));
  expect(await stored(epoch)).toEqual(["1 unread", "2 call"]);
});

test.each<[string, () => FactBatch]>([
  ["no proxy", () => create(FactBatchSchema, { epoch: 1n, facts: [toBinary(FactSchema, completed(1n))] })],
  ["no epoch", () => batch(0n, [completed(1n)])],
  ["no facts", () => batch(900_001n, [])],
  ["bytes that are no fact", () => signed(900_001n, [Buffer.from([8])], new Uint8Array(16))],
  ["facts that do not say what they follow", () => batch(900_001n, [completed(1n)], new Uint8Array())],
  ["a loss among facts", () => batch(900_001n, [completed(1n), lost(2n, 3n)])],
  ["a fact left out", () => batch(900_001n, [completed(1n), completed(3n)])],
  ["a fact twice", () => batch(900_001n, [completed(1n), completed(1n)])],
  ["a number below one", () => batch(900_001n, [completed(0n)])],
  ["a number beyond PostgreSQL's", () => batch(900_001n, [completed(2n ** 63n)])],
  ["a loss that ends before it begins", () => batch(900_001n, [lost(4n, 3n)])],
  ["a time that is none", () => batch(900_001n, [create(FactSchema, { ...completed(1n), timeMs: -1n })])],
  [
    "too many",
    () =>
      batch(
        900_001n,
        Array.from({ length: 2_001 }, (_, i) => completed(BigInt(i + 1))),
      ),
  ],
])("a malformed batch (%s) is refused as a whole", async (_, make) => {
  await expect(ingest(parts, make())).rejects.toSatisfy(
    (error) => error instanceof TollgateError && error.code === "usage.invalid",
  );
  expect(await cursor(900_001n)).toBeUndefined();
});

test("batches of one epoch that arrive at the same moment over both ways leave each fact once", async () => {
  const epoch = ++epochs;
  const facts = Array.from({ length: 60 }, (_, i) => completed(BigInt(i + 1)));
  for (let round = 0; (await cursor(epoch))?.stored !== 60n; round++) {
    expect(round).toBeLessThan(20);
    await Promise.all(
      [0, 10, 20, 5, 30, 40, 50].map((from) => ingest(parts, batch(epoch, facts.slice(from, from + 10)))),
    );
  }
  expect(await stored(epoch)).toEqual(facts.map(({ seq }) => `${seq} call`));
});

test("whatever is dropped, repeated, reordered or lost on the way, the store ends with each fact once", async () => {
  const total = 40;
  const delivery = fc.record({ from: fc.integer({ min: 1, max: total }), count: fc.integer({ min: 1, max: 15 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(delivery, { maxLength: 25 }), fc.nat(total), async (deliveries, gone) => {
      const epoch = ++epochs;
      let watermark = 0n;
      for (const { from, count } of deliveries) {
        // Up to `gone` the facts were dropped from the spool; whoever sends that part can only say so.
        const last = Math.min(total, from + count - 1);
        const sent = from <= gone ? [[lost(BigInt(from), BigInt(gone))]] : [];
        const facts = Array.from({ length: last }, (_, n) => n + 1).filter((seq) => seq >= from && seq > gone);
        if (facts.length > 0) sent.push(facts.map((seq) => completed(BigInt(seq))));
        for (const part of sent) {
          const answer = await ingest(parts, batch(epoch, part));
          expect(answer.stored).toBeGreaterThanOrEqual(watermark);
          watermark = answer.stored;
        }
      }
      const found = await stored(epoch);
      expect(found.map((text) => text.split(" ")[0])).toEqual(
        Array.from({ length: Number(watermark) }, (_, i) => `${i + 1}`),
      );
    }),
    { numRuns: 40 },
  );
});

const refusal = (code: string) => (error: unknown) => error instanceof TollgateError && error.code === code;

test("who was not given the epoch adds nothing to it: another key, another proxy's name, a byte changed on the way", async () => {
  const epoch = ++epochs;
  const good = batch(epoch, [completed(1n), completed(2n)]);
  const forgeries: FactBatch[] = [
    { ...good, mac: new Uint8Array(16) },
    { ...good, mac: new Uint8Array() },
    { ...good, proxyId: "fedcba9876543210" },
    { ...good, epoch: epoch + 1_000_000n },
    { ...good, before: new Uint8Array(16).fill(1) },
    { ...good, facts: good.facts.toReversed() },
    { ...good, facts: good.facts.slice(1) },
  ];
  parts.refused.length = 0;
  for (const forgery of forgeries) await expect(ingest(parts, forgery)).rejects.toSatisfy(refusal("usage.forged"));
  expect(parts.refused).toEqual(forgeries.map(() => "usage.forged"));
  expect(await stored(epoch)).toEqual([]);
  expect(await ingest(parts, good)).toEqual({ stored: 2n });
});

test("two that write in one epoch are told apart by the first fact in which they differ, and the first keeps it", async () => {
  const epoch = ++epochs;
  const ours = [1n, 2n, 3n, 4n].map(completed);
  const common = ours.slice(0, 2);
  const theirs = [...common, refused(3n, "theirs"), refused(4n, "theirs"), refused(5n, "theirs")];
  await ingest(parts, batchOf(epoch, ours));
  const copies: [string, FactBatch][] = [
    ["all of it", batchOf(epoch, theirs)],
    ["only what the store has already", batchOf(epoch, theirs.slice(0, 3))],
    ["what comes next", batchOf(epoch, theirs.slice(4), linkOf(epoch, theirs.slice(0, 4)))],
  ];
  for (const [what, copy] of copies) await expect(ingest(parts, copy), what).rejects.toSatisfy(refusal("usage.forked"));
  // What both have is a repetition.
  expect(await ingest(parts, batchOf(epoch, common))).toEqual({ stored: 4n });
  await ingest(parts, batchOf(epoch, [completed(5n)], linkOf(epoch, ours)));
  expect(await stored(epoch)).toEqual([1, 2, 3, 4, 5].map((seq) => `${seq} call`));
});

test("after a loss the chain begins anew with what comes, and holds again from there", async () => {
  const epoch = ++epochs;
  await ingest(parts, batchOf(epoch, [completed(1n)]));
  await ingest(parts, batchOf(epoch, [lost(2n, 5n)]));
  const before = new Uint8Array(16).fill(9);
  await ingest(parts, batchOf(epoch, [completed(6n)], before));
  const other = batchOf(epoch, [completed(7n)], before);
  await expect(ingest(parts, other)).rejects.toSatisfy(refusal("usage.forked"));
  expect(await ingest(parts, batchOf(epoch, [completed(7n)], linkOf(epoch, [completed(6n)], before)))).toEqual({
    stored: 7n,
  });
});

test("refusals that a proxy counted together are one row with their number", async () => {
  const epoch = ++epochs;
  const value = { keyId: "key", code: "auth.key-unknown", door: "mcp", count: 4_711n, lastTimeMs: 9n };
  const fact = create(FactSchema, { seq: 1n, timeMs: 5n, kind: { case: "callsRefused", value } });
  await ingest(parts, batchOf(epoch, [fact]));
  const rows = await database.sql.query("SELECT * FROM usage.call WHERE proxy_id = $1 AND epoch = $2", [
    proxyId,
    epoch,
  ]);
  expect(rows).toMatchObject([{ outcome: "refused", code: "auth.key-unknown", count: 4_711n, request_id: "" }]);
});

test("a tail that never came has a size: what the proxy counted, less what is stored", async () => {
  const epoch = ++epochs;
  const count = (seq: bigint, open: bigint) => ({ epoch, seq, calls: seq, refusals: 0n, open });
  const gap = async () =>
    (await readFactGaps(database.sql, [proxyId, epoch.toString(), "0"], 1)).filter((one) => one.epoch === epoch);
  await ingest(parts, batch(epoch, [completed(1n)]));
  await storeEpochCounts(database.sql, proxyId, [create(EpochCountSchema, count(5n, 2n))]);
  // A report that comes late takes nothing back.
  await storeEpochCounts(database.sql, proxyId, [create(EpochCountSchema, count(3n, 7n))]);
  expect(await gap()).toMatchObject([{ firstSeq: 2n, lastSeq: 5n, state: "in-transit", openCalls: 2n }]);
  await database.sql.query("UPDATE usage.epoch_count SET heard = now() - interval '1 hour' WHERE epoch = $1", [epoch]);
  expect(await gap()).toMatchObject([{ firstSeq: 2n, lastSeq: 5n, state: "missing" }]);
  // The disk came back after all.
  await ingest(parts, batch(epoch, [2n, 3n, 4n, 5n].map(completed)));
  expect(await gap()).toEqual([]);
});

test("a report shows two writers of one epoch, whichever of them wrote more", async () => {
  const epoch = ++epochs;
  const ours = [1n, 2n, 3n].map(completed);
  await ingest(parts, batchOf(epoch, ours));
  const asked = (seq: bigint, link: Uint8Array) =>
    storedCursors(database.sql, proxyId, [create(FactCursorSchema, { epoch, seq, link })]);
  const known = { stored: [{ epoch, seq: 3n, link: Buffer.from(linkOf(epoch, ours)) }], forked: [] };
  expect(await asked(2n, linkOf(epoch, ours.slice(0, 2)))).toMatchObject(known);
  expect(await asked(2n, linkOf(epoch, [completed(1n), refused(2n)]))).toEqual({ stored: [], forked: [epoch] });
  // Who wrote more than is stored compares by himself, with the link that he is told.
  expect(await asked(9n, new Uint8Array(16).fill(1))).toMatchObject(known);
});

test("facts of a proxy that was revoked are refused whichever way they come, and what came before them stays", async () => {
  const epoch = ++epochs;
  await ingest(parts, batch(epoch, [completed(1n)]));
  const about = { id: proxyId, timeMs: 1 };
  const enrol = { keySha256: new Uint8Array(32), joinTokenId: "0", environment: "", region: "" };
  for (const command of [
    { kind: "enrol", ...about, ...enrol },
    { kind: "revoke", ...about },
  ] as const)
    await handle(database, { decider: proxyDecider, id: proxyId, command }, { actor: "system/spec", timeMs: 1 });
  await expect(ingest(parts, batch(epoch, [completed(2n)]))).rejects.toMatchObject({ code: "usage.proxy-revoked" });
  expect(parts.refused.at(-1)).toBe("usage.proxy-revoked");
  expect(await stored(epoch)).toEqual(["1 call"]);
});
