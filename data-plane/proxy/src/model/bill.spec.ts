// What is booked against what the provider bills, over calls drawn at random: both doors, plain and streamed, with caches, tiers,
// reasoning, several choices, searches and tiers of service, with refusals, other credentials, breaks, silence, garbage and
// clients that leave. The provider keeps its own account, and what that costs is reckoned here in another way than the gate
// does. If this fails, somebody pays for what was not used, or does not pay for what was.
//
// What the promise does not hold for is told apart and counted: a provider that bills more than the margin behind what was
// seen when its client left, and searches of which nobody heard.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { ProviderKind } from "@tollgate/schema/resources";
import { UsageBasis, type ModelCallCompletedSchema } from "@tollgate/schema/usage";
import { expect, test } from "vitest";
import type { Charge } from "../../../../infra/mock-provider/billing.ts";
import { startMockProvider, type MockProvider } from "../../../../infra/mock-provider/provider.ts";
import { testEnvironment } from "../../../../test/support/environment.ts";
import { seedFromEnv, seededRandom, type SeededRandom } from "../../../../test/support/random.ts";
import { marginTokens, planCall, type PlannedCall } from "../fixtures/bill-calls.ts";
import { billClient, type Seen } from "../fixtures/bill-client.ts";
import { billedFor, inputOf, isDearer, pricesAsPublished } from "../fixtures/bill-prices.ts";
import { until } from "../fixtures/gate-fixture.ts";
import { provider, startModelGate } from "../fixtures/model-fixture.ts";

const { scale } = testEnvironment();
/** `npm run soak -- bill` makes ten thousand. */
const callsCount = 1_000 * scale;
/** The provider keeps every request of a round. */
const roundCalls = 2_500;
const atOnce = 24;

type Fact = MessageInitShape<typeof ModelCallCompletedSchema>;

type Booked = {
  readonly planned: PlannedCall;
  readonly seen: Seen;
  readonly fact: Fact;
  readonly boundNanoUsd: bigint;
  /** What the provider saw of it: as many as there were attempts, if the client did not leave between. */
  readonly arrivals: number;
  readonly charges: readonly Charge[];
};

const tally = { calls: 0, exact: 0, estimated: 0, free: 0, beyond: 0, retried: 0, booked: 0n, billed: 0n };
const exactly = { booked: 0n, billed: 0n };

test(`what is booked is what is billed, and no less (${callsCount} calls)`, { timeout: 180_000 * scale }, async () => {
  const random = seededRandom(seedFromEnv());
  for (let from = 0; from < callsCount; from += roundCalls)
    for (const booked of await callRound(random, from, Math.min(roundCalls, callsCount - from))) checkOrTell(booked);
  console.log(tally, exactly);
  expect(exactly.booked).toBe(exactly.billed);
  // Enough of each kind that the others say something.
  expect(tally.exact).toBeGreaterThan(callsCount / 2);
  expect(tally.estimated).toBeGreaterThan(callsCount / 10);
  expect(tally.beyond).toBeLessThan(tally.estimated / 10);
});

async function callRound(random: SeededRandom, from: number, count: number): Promise<readonly Booked[]> {
  const plans = Array.from({ length: count }, (_, at) => planCall(random, from + at));
  const arrivals = plans.map(() => 0);
  const waiting = new Map<number, () => void>();
  await using mock = await startMockProvider({
    recordedBytesMax: 1,
    script({ headers }) {
      const at = Number(headers["x-call"]) - from;
      const { attempts = [], leaving } = plans[at] ?? {};
      const attempt = (arrivals[at] = (arrivals[at] ?? 0) + 1);
      if (leaving?.kind !== "before-head" || attempt >= attempts.length) waiting.get(at)?.();
      return attempts[Math.min(attempt, attempts.length) - 1];
    },
  });
  const gate = await startGateBefore(mock.url);
  const client = billClient(gate.url, gate.agent.text);
  const seen: Seen[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < plans.length; at = next++) {
      const planned = plans[at];
      if (planned === undefined) return;
      const arrived = new Promise<void>((resolve) => waiting.set(at, resolve));
      seen[at] = await client.call(planned, arrived);
      waiting.delete(at);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  client.close();
  const authorised = plans.filter(({ isAuthorised }) => isAuthorised).length;
  const completed = () => gate.facts.filter(({ kind }) => kind.case === "modelCallCompleted").length;
  await until(() => completed() >= authorised, "the facts of all calls");
  await mock.settled();
  expect([completed(), gate.intents.length, gate.facts.length]).toEqual([authorised, authorised, count]);
  const facts = gate.facts.flatMap(({ kind }) => (kind.case === "modelCallCompleted" ? [kind.value] : []));
  const factsOf = Map.groupBy(facts, ({ clientVersion = "" }) => clientVersion);
  const intentsOf = Map.groupBy(gate.intents, ({ clientVersion = "" }) => clientVersion);
  return plans.flatMap((planned, at) => bookedOf(planned, seen[at], arrivals[at] ?? 0));

  function bookedOf(planned: PlannedCall, itsSeen: Seen | undefined, itsArrivals: number): Booked[] {
    const [fact, ...others] = factsOf.get(String(planned.index)) ?? [];
    const [intent] = intentsOf.get(String(planned.index)) ?? [];
    const charges = chargesOf(mock, planned.index);
    expect(others).toEqual([]);
    if (!planned.isAuthorised) {
      const refused = planned.operation.startsWith("messages") ? 400 : 404;
      expect([fact, intent, charges, itsArrivals, itsSeen?.status]).toEqual([undefined, undefined, [], 0, refused]);
      return [];
    }
    if (fact === undefined || itsSeen === undefined) throw new Error(`nothing was booked for ${planned.index}`);
    expect(itsSeen.bytes.includes("the mock provider failed")).toBe(false);
    const boundNanoUsd = intent?.boundNanoUsd ?? 0n;
    return [{ planned, seen: itsSeen, fact, boundNanoUsd, arrivals: itsArrivals, charges }];
  }
}

async function startGateBefore(url: string) {
  const credentials = ["one", "two", "three"].map((name) => ({ name }));
  // A client that is to leave behind a chunk which the gate hides from it stays until then.
  const patient = { credentials, timeoutSeconds: 10 };
  const impatient = { credentials, timeoutSeconds: 1 };
  const openai = { kind: ProviderKind.OPENAI };
  return startModelGate(
    [
      provider("anthropic", url, patient),
      provider("impatient-anthropic", url, impatient),
      provider("openai", `${url}/v1`, { ...patient, ...openai }),
      provider("impatient-openai", `${url}/v1`, { ...impatient, ...openai }),
    ],
    { models: ["*/claude-*", "*/gpt-*", "*/embed"], more: [pricesAsPublished] },
  );
}

const byMock = new WeakMap<MockProvider, Map<string, Charge[]>>();

function chargesOf(mock: MockProvider, index: number): readonly Charge[] {
  let byCall = byMock.get(mock);
  if (byCall === undefined) {
    const callOf = new Map(
      mock.exchanges.map(({ requestId, rawHeaders }) => [
        requestId,
        rawHeaders[rawHeaders.indexOf("x-call") + 1] ?? "",
      ]),
    );
    byCall = Map.groupBy(mock.bill(), ({ requestId }) => callOf.get(requestId) ?? "");
    byMock.set(mock, byCall);
  }
  return byCall.get(String(index)) ?? [];
}

function checkOrTell(booked: Booked): void {
  try {
    check(booked);
  } catch (error) {
    const { planned, seen, fact, charges } = booked;
    const sent = { ...planned, body: planned.body.toString() };
    const all = { sent, seen: { ...seen, bytes: seen.bytes.toString() }, fact, charges, billed: billedForAll(charges) };
    throw new Error(JSON.stringify(all, plainly, 1).replace(/(words |fox ){9,}/g, "…"), { cause: error });
  }
}

const billedForAll = (charges: readonly Charge[]) => charges.reduce((sum, charge) => sum + billedFor(charge), 0n);

function check(booked: Booked): void {
  const { planned, seen, fact, charges } = booked;
  const { costNanoUsd = 0n, basis } = fact;
  const billed = billedForAll(charges);
  const unheard = unheardIn(booked);
  tally.calls++;
  tally.booked += costNanoUsd;
  tally.billed += billed;
  if ((fact.attempts ?? 0) > 1) tally.retried++;
  if (planned.operation === "messages/count_tokens")
    return expect([basis, costNanoUsd, charges]).toEqual([UsageBasis.NONE, 0n, []]);
  if (planned.leaving.kind !== "before-head") expect(fact.attempts).toBe(booked.arrivals);
  if (seen.isComplete && unheard === 0) expect(basis).toBe(UsageBasis.EXACT);
  if (seen.isComplete && unheard > 0) checkUnheard(booked, unheard);
  switch (basis) {
    case UsageBasis.EXACT:
      tally.exact++;
      exactly.booked += costNanoUsd;
      exactly.billed += billed;
      checkExact(booked);
      return expect(costNanoUsd).toBe(billed);
    case UsageBasis.ESTIMATED:
      tally.estimated++;
      if (isWithinMargin(booked)) expect(costNanoUsd).toBeGreaterThanOrEqual(billed);
      else tally.beyond++;
      return;
    default:
      tally.free++;
      expect([basis, costNanoUsd, charges]).toEqual([UsageBasis.NONE, 0n, []]);
  }
}

/** Each attempt is there once: the lost ones with the most that they can have cost, the last with what it did. */
function checkUnheard({ fact, charges, boundNanoUsd }: Booked, unheard: number): void {
  const last = charges.at(-1);
  const cost = (last === undefined ? 0n : billedFor(last)) + BigInt(unheard) * boundNanoUsd;
  expect([fact.basis, fact.costNanoUsd]).toEqual([UsageBasis.ESTIMATED, cost]);
}

/** How many attempts before the last were sent and brought no head. */
function unheardIn({ planned: { attempts }, arrivals }: Booked): number {
  return Array.from({ length: arrivals - 1 }, (_, at) => attempts[Math.min(at, attempts.length - 1)]).filter(
    (reply) => reply?.trouble?.noHead !== undefined && reply.trouble.status === undefined,
  ).length;
}

function checkExact({ fact, charges }: Booked): void {
  const [charge, ...others] = charges;
  expect(others).toEqual([]);
  const { usage } = charge ?? {};
  const told = [fact.inputTokens, fact.cacheReadTokens, fact.cacheWrite5mTokens, fact.cacheWrite1hTokens];
  const used = [usage?.inputTokens, usage?.cacheReadTokens, usage?.cacheWrite5mTokens, usage?.cacheWrite1hTokens];
  told.push(fact.outputTokens, fact.reasoningTokens, fact.webSearches);
  used.push(usage?.outputTokens, usage?.reasoningTokens, usage?.webSearches);
  expect(told).toEqual(used.map((count) => BigInt(count ?? -1)));
}

/** Of all charges of a call: no more than the client has seen allows for. */
function isWithinMargin({ planned, seen, charges }: Booked): boolean {
  const { body, isStreamed, model, serviceTier } = planned;
  return charges.every(({ usage }) => {
    const isTierKnown = seen.serviceTier === usage.serviceTier || !isDearer(model, usage.serviceTier, serviceTier);
    const inputMost = isStreamed ? Math.ceil(body.length / 2) : body.length;
    const isInputKnown = seen.isInputSaid || inputOf({ usage }) <= inputMost;
    const outputMost = isStreamed ? Math.ceil(seen.outputBytes / 2) + marginTokens : Infinity;
    return isTierKnown && isInputKnown && usage.outputTokens <= outputMost && usage.webSearches <= seen.searches;
  });
}

function plainly(_name: string, value: unknown): unknown {
  if (typeof value === "string" && value.length > 2_000) return `${value.slice(0, 1_000)} … ${value.slice(-1_000)}`;
  return typeof value === "bigint" ? `${value}n` : value;
}
