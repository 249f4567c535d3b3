// How a provider's credentials did, out of real facts. Whoever is on call decides by it which credential to replace: one that is
// dead behind another that works must not look well, and a caller's mistakes must not make a good one look bad.

import { create } from "@bufbuild/protobuf";
import { FactSchema, ModelCallOutcome, type ModelCallCompleted } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { batchOf, ingestParts } from "../usage/batch.fixture.ts";
import { ingest } from "../usage/ingest.ts";

let api: AdminApi;
let nowMs: number;

type Said = Partial<Omit<ModelCallCompleted, "$typeName" | "$unknown">> & { agoMs?: number };

beforeAll(async () => {
  api = await startAdminApi("provider_health");
  nowMs = api.plane.nowMs();
  const second = (status: number, more: Said = {}): Said => ({ credential: "second", status, ...more });
  const failed = ModelCallOutcome.PROVIDER_FAILED;
  const calls: Said[] = [
    // Of the first, which is dead and was replaced by the second each time but the last.
    ...Array.from({ length: 18 }, (_, n) =>
      second(200, { failedAttempts: ["first 429"], firstByteUs: BigInt(1_000 * (n + 1)), agoMs: 60_000 }),
    ),
    second(200, { failedAttempts: ["first upstream.unreachable", "first 429"], firstByteUs: 19_000n, agoMs: 50_000 }),
    { credential: "first", status: 401, outcome: failed, agoMs: 40_000 },
    // The second: callers' mistakes, one that broke off, and what it may still do.
    second(400, { agoMs: 30_000, requestsLimit: 100n, requestsRemaining: 7n }),
    second(404, { agoMs: 29_000 }),
    second(400, { agoMs: 28_000 }),
    second(200, { outcome: failed, firstByteUs: 999_000n, agoMs: 20_000 }),
    second(529, { agoMs: 10_000, requestsLimit: 100n, tokensLimit: 5n }),
    { credential: "third", status: 0, outcome: failed, agoMs: 9_000 },
    second(200, { outcome: ModelCallOutcome.CLIENT_CLOSED, firstByteUs: 20_000n, agoMs: 5_000 }),
    // None of it: another provider, before the time that is asked about, and one of which nobody knows what became.
    second(500, { provider: "other", agoMs: 1_000 }),
    second(500, { agoMs: 16 * 60_000 }),
    { outcome: ModelCallOutcome.UNKNOWN, agoMs: 3_000 },
  ];
  const facts = calls.map(({ agoMs = 0, ...said }, n) => {
    const value = { provider: "claude", outcome: ModelCallOutcome.ANSWERED, ...said };
    const kind = { case: "modelCallCompleted" as const, value };
    return create(FactSchema, { seq: BigInt(n + 1), timeMs: BigInt(nowMs - agoMs), requestId: `r${n}`, kind });
  });
  await ingest(ingestParts(api.plane.database), batchOf(1n, facts));
});

afterAll(() => api?.close());

const query = `query ($provider: String!, $minutes: Int) { providerHealth(provider: $provider, minutes: $minutes) {
  credential attempts failures errorRate errors { what attempts } firstByteUsP50 firstByteUsP95 lastStatus lastTime
  headroom { time requestsLimit requestsRemaining tokensLimit tokensRemaining } } }`;

async function health(provider: string, minutes?: number): Promise<unknown[]> {
  return (await api.admin.run<{ providerHealth: unknown[] }>(query, { provider, minutes })).providerHealth;
}

const ago = (ms: number) => new Date(nowMs - ms).toISOString();

test("each credential has its own attempts, also those that another made good; callers' mistakes are shown and no failures", async () => {
  const [first, second, third, ...others] = await health("claude");
  expect(others).toEqual([]);
  expect(first).toEqual({
    ...{
      credential: "first",
      attempts: "21",
      failures: "21",
      errorRate: 1,
      firstByteUsP50: null,
      firstByteUsP95: null,
    },
    errors: [
      { what: "429", attempts: "19" },
      { what: "401", attempts: "1" },
      { what: "no-answer", attempts: "1" },
    ],
    ...{ lastStatus: 401, lastTime: ago(40_000), headroom: null },
  });
  expect(second).toEqual({
    ...{ credential: "second", attempts: "25", failures: "2", errorRate: 0.08 },
    errors: [
      { what: "400", attempts: "2" },
      { what: "404", attempts: "1" },
      { what: "529", attempts: "1" },
      { what: "broke-off", attempts: "1" },
    ],
    // Of 1 to 20 ms.
    ...{ firstByteUsP50: "10000", firstByteUsP95: "19000", lastStatus: 200, lastTime: ago(5_000) },
    headroom: {
      ...{ time: ago(10_000), requestsLimit: "100", requestsRemaining: "0" },
      ...{ tokensLimit: "5", tokensRemaining: "0" },
    },
  });
  expect(third).toMatchObject({ attempts: "1", errorRate: 1, lastStatus: null, errors: [{ what: "no-answer" }] });
});

test("only the minutes that are asked for, of the provider that is asked for", async () => {
  expect(await health("claude", 17)).toMatchObject([{}, { attempts: "26", failures: "3" }, {}]);
  expect(await health("other")).toMatchObject([{ credential: "second", attempts: "1", failures: "1" }]);
  expect(await health("nobody")).toEqual([]);
  const failed = await health("claude", 0).catch((error: unknown) => error);
  expect(failed instanceof AdminError && failed.errors[0]?.extensions?.["code"]).toBe("request.invalid");
});
