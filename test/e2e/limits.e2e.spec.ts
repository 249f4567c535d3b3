// Limits over four proxies. What a limit promises is about admission: in no window are more let in than it says. From outside it is
// known of a call that it was let in after its client asked and before it arrived at the provider, so all calls that were asked
// for and arrived within sixty seconds were let in within them; arrivals alone would also count how long each was on its way.
// Were it more than the limit, it would be none; were it much less, whoever pays for the limit would not get it. Calls at a
// time must come back however calls end, or a key locks itself out.

import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "@tollgate/api/database";
import { compareAll } from "@tollgate/api/ledger/rebuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "../../infra/mock-provider/provider.ts";
import type { Asked, Reply } from "../../infra/mock-provider/reply.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { registerProvider } from "../support/model-operations.ts";
import { createTeam, issueKey, type IssuedKey } from "../support/operations.ts";
import { createLimit } from "../support/quota-operations.ts";
import { seededRandom, seedFromEnv } from "../support/random.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const held = new AsyncDisposableStack();
const random = seededRandom(seedFromEnv());
let database: TestDatabase;
let mock: MockProvider;
let stack: Stack;
let teamId: string;
/** What the provider does with what arrives. */
let answer: (asked: Asked) => Reply = () => ({});

beforeAll(async () => {
  database = held.use(await createDatabase("limits"));
  mock = held.use(await startMockProvider({ recordedBytesMax: 0, script: (asked) => answer(asked) }));
  stack = held.use(await startStack({ databaseUrl: database.url, proxies: 4 }));
  await registerProvider(stack.admin, {
    ...{ name: "anthropic", kind: "ANTHROPIC", baseUrl: mock.url },
    credentials: [{ name: "first", value: "sk-ant-mock" }],
  });
  ({ id: teamId } = await createTeam(stack.admin, "limits"));
}, 120_000);
afterAll(() => held.disposeAsync(), 60_000);

/** That each proxy serves. */
async function newKey(name: string): Promise<IssuedKey> {
  const key = await issueKey(stack.admin, { name, teamId, models: ["anthropic/*"] });
  for (const proxy of stack.proxies)
    await until(async () => (await send(proxy, key)).status === 200, { what: "a proxy to serve" });
  return key;
}

/** `text`: by which the provider's script knows the call. */
async function send(
  proxy: Member,
  { secret }: IssuedKey,
  { text = "Hello", signal }: { text?: string; signal?: AbortSignal | undefined } = {},
): Promise<Response> {
  const response = await fetch(`${proxy.url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({
      model: "claude-sonnet-4-6",
      max_tokens: 10,
      messages: [{ role: "user", content: text }],
    }),
    ...(signal === undefined ? {} : { signal }),
  });
  await response.arrayBuffer();
  return response;
}

type Passed = { readonly askedMs: number; readonly arrivedMs: number };

const windowMs = 60_000;

/** How many were surely let in within one window. */
function mostInAnyWindow(passed: readonly Passed[]): number {
  return Math.max(
    ...passed.map(({ askedMs: fromMs }) => {
      return passed.filter(({ askedMs, arrivedMs }) => askedMs >= fromMs && arrivedMs <= fromMs + windowMs).length;
    }),
  );
}

test("600 requests a minute are never more in any sixty seconds, and hardly fewer", { timeout: 240_000 }, async () => {
  const key = await newKey("minutely");
  await createLimit(stack.admin, {
    ...{ name: "minutely", scope: { keyId: key.id } },
    ...{ measure: "REQUESTS", amount: "600", window: "MINUTE" },
  });
  // Until the limit is known everywhere, calls are none of its.
  for (const proxy of stack.proxies)
    await until(async () => (await send(proxy, key)).headers.has("anthropic-ratelimit-requests-limit"), {
      what: "a proxy to know the limit",
    });
  const asked: number[] = [];
  const passed: Passed[] = [];
  answer = ({ lastUserText }) => {
    const askedMs = asked[Number(lastUserText)];
    if (askedMs !== undefined) passed.push({ askedMs, arrivedMs: performance.now() });
    return {};
  };
  const startMs = performance.now();
  const endMs = startMs + 2 * windowMs;
  /** Where most of the load goes moves about. */
  let favourite = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const proxy = random.chance(0.7) ? stack.proxy(favourite) : random.pick(stack.proxies);
      const text = String(asked.push(performance.now()) - 1);
      const response = await send(proxy, key, { text }).catch(() => undefined);
      // More is wanted than may be, and evenly; who is refused comes again soon.
      await delay(response?.status === 200 ? random.int(3_400) : 200);
    }
  };
  const moving = setInterval(() => (favourite = random.int(4)), 5_000);
  // What it was lent comes back a minute later, and so within the second one.
  const killing = delay(20_000).then(async () => {
    await stack.proxy(2).stop("SIGKILL");
    await stack.proxy(2).start();
  });
  await Promise.all([killing, ...Array.from({ length: 24 }, client)]);
  clearInterval(moving);
  const most = mostInAnyWindow(passed);
  const steady = passed.filter(({ arrivedMs }) => arrivedMs >= endMs - windowMs && arrivedMs < endMs).length;
  console.log({ asked: asked.length, passed: passed.length, most, steady });
  expect(most).toBeLessThanOrEqual(600);
  expect(steady).toBeGreaterThanOrEqual(570);
});

test("calls at a time are never more, and come back however calls end", { timeout: 180_000 }, async () => {
  const key = await newKey("at-a-time");
  /** Those that have surely begun and not ended: they have arrived, are not answered, and their client is there. */
  const under = new Set<string>();
  let most = 0;
  const waitedFor = new Set<string>();
  answer = ({ lastUserText: text }) => {
    const headDelayMs = random.int(30);
    if (waitedFor.has(text)) under.add(text);
    most = Math.max(most, under.size);
    setTimeout(() => under.delete(text), headDelayMs);
    return { trouble: { headDelayMs, ...(random.chance(0.2) ? { noHead: "reset" as const } : {}) } };
  };
  let calls = 0;
  const call = async (signal?: AbortSignal): Promise<Response | undefined> => {
    const text = String((calls += 1));
    waitedFor.add(text);
    const response = await send(random.pick(stack.proxies), key, { text, signal }).catch(() => undefined);
    waitedFor.delete(text);
    under.delete(text);
    return response;
  };
  const limit = { name: "at-a-time", scope: { keyId: key.id }, measure: "CONCURRENT_CALLS", amount: "8" } as const;
  await createLimit(stack.admin, limit);
  // Calls that find no slot wait for a moment, so that it is seen by how many there are at a time.
  await until(
    async () => {
      most = 0;
      await Promise.all(Array.from({ length: 40 }, () => call()));
      return most <= 8;
    },
    { what: "the limit to be known" },
  );
  most = 0;
  let served = 0;
  const client = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) {
      const response = await call(random.chance(0.3) ? AbortSignal.timeout(random.int(30)) : undefined);
      if (response?.status === 200) served += 1;
    }
  };
  await Promise.all(Array.from({ length: 30 }, client));
  console.log({ most, served });
  expect(most).toBeLessThanOrEqual(8);
  expect(served).toBeGreaterThan(0);
  await mock.settled();
  // All eight are there again: as many calls at once are let through.
  await until(
    async () => {
      const all = await Promise.all(Array.from({ length: 8 }, (_, at) => send(stack.proxy(at % 4), key)));
      return all.every(({ status }) => status !== 429);
    },
    { what: "all slots to be free again" },
  );
  const opened = await openDatabase({ url: database.url });
  expect(await compareAll(opened)).toEqual([]);
  await opened.close();
});
