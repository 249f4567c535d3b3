// Near the end of a budget. What a call can read at most is taken from the length of its body, four times what it reads; whoever is
// refused by that alone has money left that he may not spend. If a wrong count let a call through, the budget would be overspent.

import {
  BudgetReservation,
  BudgetSchema,
  LimitMeasure,
  LimitSchema,
  LimitWindow,
  ProviderKind,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import type { Trouble } from "../../../../infra/mock-provider/reply.ts";
import { startMockProvider } from "../../../../infra/mock-provider/provider.ts";
import { newId, resource, started, teamId, type Resource } from "../fixtures/gate-fixture.ts";
import { modelFact, priceList, provider, secretOf, send, startModelGate } from "../fixtures/model-fixture.ts";
import { createDesk, type Desk } from "../lending/desk.ts";
import { deskOf, FakeLedger } from "../lending/ledger.fixture.ts";

const [inputNanoUsd, outputNanoUsd] = [1_000n, 5_000n];
const body = (more: object = {}) =>
  JSON.stringify({ model: "m", max_tokens: 100, ...more, messages: [{ role: "user", content: "a".repeat(8_000) }] });
const outputNanoUsdMost = 100n * outputNanoUsd;
/** Less than its 8,000 bytes of input may cost, and more than its 2,000 tokens do, with the margin. */
const nearNanoUsd = 4_000_000n;

const scope = { of: { case: "teamId", value: teamId } } as const;

async function nearTheEnd(
  limitNanoUsd: bigint,
  kind = ProviderKind.ANTHROPIC,
  { more = [], open = deskOf }: { more?: readonly Resource[]; open?: typeof deskOf } = {},
) {
  const mock = await startMockProvider();
  started({ stop: async () => mock[Symbol.asyncDispose]() });
  const ledger = new FakeLedger("money", limitNanoUsd);
  const desk = open(ledger, "p", 1n);
  started({ stop: async () => desk.close() });
  const budget = resource("budget", BudgetSchema, {
    ...{ id: newId(), name: "b", scope, limitNanoUsd, hard: true, reservation: BudgetReservation.FULL },
  });
  const rates = { input: inputNanoUsd * 1_000_000n, output: outputNanoUsd * 1_000_000n };
  const prices = priceList([{ provider: "p", model: "m", rates }]);
  const base = kind === ProviderKind.OPENAI ? `${mock.url}/v1` : mock.url;
  const gate = await startModelGate([provider("p", base, { kind })], { more: [budget, prices, ...more], desk });
  const asked = () => mock.exchanges.map(({ target }) => target.replace("/v1/", ""));
  return { mock, ledger, gate, asked };
}

const headers = { "anthropic-version": "2023-06-01" };
const messages = "/anthropic/v1/messages?beta=true";

test("a call that does not fit by its length is let through where its provider counts less, byte for byte", async () => {
  const { mock, ledger, gate, asked } = await nearTheEnd(nearNanoUsd);
  const sent = body({ stop_sequences: ["x"], system: "Be short." });
  expect((await send(gate, messages, { body: sent, headers })).status).toBe(200);
  expect(asked()).toEqual(["messages/count_tokens?beta=true", "messages?beta=true"]);
  const [count, call] = mock.exchanges;
  expect(call?.body.toString()).toBe(sent);
  for (const one of [count, call]) expect(one?.rawHeaders).toContain(secretOf("p", "first"));
  const [charge] = mock.bill();
  const { inputTokens = 0, outputTokens = 0 } = charge?.usage ?? {};
  const bill = BigInt(inputTokens) * inputNanoUsd + BigInt(outputTokens) * outputNanoUsd;
  expect(await modelFact(gate)).toMatchObject({ costNanoUsd: bill });
  const held = gate.intents[0]?.boundNanoUsd ?? 0n;
  expect(held).toBeGreaterThan(BigInt(inputTokens) * inputNanoUsd + outputNanoUsdMost);
  expect(held).toBeLessThanOrEqual(nearNanoUsd);
  expect(ledger.account.counted).toBeLessThanOrEqual(nearNanoUsd);
});

test("nobody asks where it fits by its length, and where it would not if it read nothing", async () => {
  const far = await nearTheEnd(100_000_000n);
  expect((await send(far.gate, messages, { body: body(), headers })).status).toBe(200);
  expect(far.asked()).toEqual(["messages?beta=true"]);
  const spent = await nearTheEnd(outputNanoUsdMost - 1n);
  expect((await send(spent.gate, messages, { body: body(), headers })).status).toBe(429);
  expect(spent.asked()).toEqual([]);
});

test("what the provider counts as too much is refused, and was asked once", async () => {
  const { gate, asked } = await nearTheEnd(outputNanoUsdMost + 2_000_000n);
  expect((await send(gate, messages, { body: body(), headers })).status).toBe(429);
  expect(asked()).toEqual(["messages/count_tokens?beta=true"]);
});

test.each<[string, Trouble]>([
  ["says an error", { status: 529 }],
  ["answers what is no count", { garbage: "body" }],
  ["goes without an answer", { noHead: "reset" }],
  ["never answers", { noHead: "hang" }],
])("a provider that %s changes nothing", { timeout: 15_000 }, async (_, trouble) => {
  const { mock, gate, asked } = await nearTheEnd(nearNanoUsd);
  mock.failCredential(secretOf("p", "first"), trouble);
  const { status, headers: answered } = await send(gate, messages, { body: body(), headers });
  expect([status, answered["x-tollgate-code"]]).toEqual([429, "budget.spent"]);
  expect(asked()).toEqual(["messages/count_tokens?beta=true"]);
  expect(mock.bill()).toEqual([]);
});

test.each<[string, object]>([
  ["what nobody knows of", { container: "c" }],
  ["tools that the provider runs", { tools: [{ type: "code_execution_20250825", name: "code_execution" }] }],
  ["a document elsewhere", { system: [{ type: "document", source: { type: "url", url: "https://example.com" } }] }],
])("nor is a request counted that has %s", async (_, more) => {
  const { gate, asked } = await nearTheEnd(nearNanoUsd);
  expect((await send(gate, messages, { body: body(more), headers })).status).toBeGreaterThanOrEqual(400);
  expect(asked()).toEqual([]);
});

test("OpenAI's kind has no count, and is refused as before", async () => {
  const { gate, asked } = await nearTheEnd(nearNanoUsd, ProviderKind.OPENAI);
  expect((await send(gate, "/openai/v1/chat/completions", { body: body() })).status).toBe(429);
  expect(asked()).toEqual([]);
});

/** A limit of calls in a minute besides the budget. */
async function withLimit(limitNanoUsd: bigint, calls: bigint) {
  const permits = new FakeLedger("window", calls, 60_000);
  const limit = resource("limit", LimitSchema, {
    ...{ id: newId(), name: "l", scope, measure: LimitMeasure.REQUESTS, amount: calls, window: LimitWindow.MINUTE },
  });
  const open = (money: FakeLedger, name: string, epoch: bigint): Desk => {
    const desk: Desk = createDesk({
      ...{
        epoch,
        keep: () => undefined,
        autonomyMs: 3_600_000,
        clocks: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
      },
      send: (batch) => {
        const answers = batch.statements.flatMap((statement) => {
          const of = statement.subject?.startsWith("limit/") ? permits : money;
          return of.answer(name, { ...batch, statements: [statement] }).answers ?? [];
        });
        setTimeout(() => desk.answered({ batch: batch.batch, incarnation: 1n, answers }), 2);
      },
    });
    return desk;
  };
  return { ...(await nearTheEnd(limitNanoUsd, ProviderKind.ANTHROPIC, { more: [limit], open })), permits };
}

test("nobody asks about a call that a full limit refuses anyway, and one that goes out is counted by it once", async () => {
  const { gate, asked } = await withLimit(nearNanoUsd, 1n);
  expect((await send(gate, messages, { body: body(), headers })).status).toBe(200);
  expect(asked()).toEqual(["messages/count_tokens?beta=true", "messages?beta=true"]);
  const { status, headers: answered } = await send(gate, messages, { body: body(), headers });
  expect([status, answered["x-tollgate-code"]]).toEqual([429, "limit.reached"]);
  expect(asked()).toHaveLength(2);
});

test("of a budget that is spent a client is told as such, be a limit full or not", async () => {
  const { gate, asked } = await withLimit(outputNanoUsdMost - 1n, 0n);
  const { status, headers: answered } = await send(gate, messages, { body: body(), headers });
  expect([status, answered["x-tollgate-code"]]).toEqual([429, "budget.spent"]);
  expect(asked()).toEqual([]);
});

test("of many calls at the edge a few are counted at a time, and the others are refused as if there were no count", async () => {
  const { mock, gate, asked } = await nearTheEnd(nearNanoUsd);
  mock.failCredential(secretOf("p", "first"), { noHead: "hang" });
  const calls = Array.from({ length: 20 }, () => send(gate, messages, { body: body(), headers }));
  const codes = (await Promise.all(calls)).map(({ headers: answered }) => answered["x-tollgate-code"]);
  expect(codes).toEqual(Array.from({ length: 20 }, () => "budget.spent"));
  expect(asked()).toHaveLength(16);
  mock.mendCredential(secretOf("p", "first"));
  expect((await send(gate, messages, { body: body(), headers })).status).toBe(200);
});
