// What facts and intents say of the price of a tool. Where they said less, soft budgets and whoever opens one later would count
// calls of tools as free; where they said it of each leg of a call, twice.

import { BudgetPeriod, BudgetSchema, PriceListSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { askingServer, elicit } from "../fixtures/asking-server.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import type { Desk } from "../lending/desk.ts";
import { deskOf, FakeLedger } from "../lending/ledger.fixture.ts";
import { result, startUpstream } from "../fixtures/upstream-fixture.ts";

const { ask, at, key, newId, resource, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*", "prompt:*/*"]);
const capabilities = { elicitation: {} };
const toolPrices = [{ tool: "s/t", callNanoUsd: 2_000_000n }];

type Setting = { requires?: string[]; more?: fixture.Resource[]; desk?: Desk };

async function gateWith(upstream: { url: string }, { requires = [], more = [], desk }: Setting = {}) {
  const list = resource("price-list", PriceListSchema, { id: newId(), version: 1, toolPrices, requires });
  const view = viewWith([team(), agent.resource, server("s", upstream.url), list, ...more]);
  return started(await startGate(view, {}, desk ? { desk } : {}));
}

const offering = async () =>
  started(
    await startUpstream({
      offer: { tools: ["t", "free"], prompts: ["t"] },
      onRequest: (incoming) => result(incoming, { content: [], messages: [] }),
    }),
  );

const costsOf = (told: readonly object[]) =>
  told.map((value) => [at(value, "costNanoUsd") ?? 0n, at(value, "isPriceUnknown") ?? false]);
const completed = (gate: fixture.RunningGate) =>
  gate.facts.flatMap(({ kind }) => (kind.case === "toolCallCompleted" ? [kind.value] : []));

test("intent and fact say the price of a tool, held of a budget or not; what has none, and a prompt, costs nothing", async () => {
  const gate = await gateWith(await offering());
  await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} });
  await ask(gate, agent.text, "tools/call", { name: "s__free", arguments: {} });
  await ask(gate, agent.text, "prompts/get", { name: "s__t" });
  await until(() => completed(gate).length === 3, "three facts");
  const said = [
    [2_000_000n, false],
    [0n, false],
    [0n, false],
  ];
  expect(costsOf(completed(gate))).toEqual(said);
  expect(costsOf(gate.intents)).toEqual(said);
});

test("a price list that is not understood is no price of nothing", async () => {
  const gate = await gateWith(await offering(), { requires: ["a-feature-of-tomorrow"] });
  await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} });
  await until(() => completed(gate).length === 1, "the fact");
  expect(costsOf(completed(gate))).toEqual([[0n, true]]);
});

test("a call that asks its client in the middle costs its price once, in the first of its facts", async () => {
  const gate = await gateWith(await askingServer([[elicit("who")]]));
  const call = { name: "s__t", arguments: {} };
  const asked = await ask(gate, agent.text, "tools/call", call, { capabilities });
  const requestState = at(asked.json, "result", "requestState");
  const [id = ""] = Object.keys(Object(at(asked.json, "result", "inputRequests")));
  const answered = { ...call, requestState, inputResponses: { [id]: { action: "accept", content: {} } } };
  await ask(gate, agent.text, "tools/call", answered, { capabilities });
  await until(() => completed(gate).length === 2, "both facts");
  const said = [
    [2_000_000n, false],
    [0n, false],
  ];
  expect(costsOf(completed(gate))).toEqual(said);
  expect(costsOf(gate.intents)).toEqual(said);
});

test("they name the accounts that the call held money of, and none where nobody is charged", async () => {
  const ledger = new FakeLedger("money", 3_000_000n);
  const scope = { of: { case: "keyId" as const, value: agent.id } };
  const common = { scope, limitNanoUsd: 3_000_000n, period: BudgetPeriod.MONTH, timeZone: "UTC" };
  const budget = (name: string, hard: boolean) => {
    const id = newId();
    return resource("budget", BudgetSchema, { id, name, hard, edition: 1, ...common });
  };
  const more = [budget("hard", true), budget("soft", false)];
  const gate = await gateWith(await offering(), { more, desk: deskOf(ledger, "p", 1n) });
  await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} });
  await ask(gate, agent.text, "tools/call", { name: "s__free", arguments: {} });
  await until(() => completed(gate).length === 2, "both facts");
  for (const told of [completed(gate), gate.intents])
    expect(told.map(({ accounts }) => accounts ?? [])).toEqual([["a"], []]);
  // The second would cost more than is left, and holds nothing: it is told so, and is no call.
  await ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {} });
  expect(completed(gate)).toHaveLength(2);
  await until(() => ledger.account.settled === 2_000_000n, "the ledger to know what it cost");
});
