// Numbers that a client writes into a request or a provider into an answer, and bugs where a call is settled or written down.
// Neither may end the worker, leave somebody waiting, or let a call go without a fact: else one key with two numbers in a body
// stops everybody, again and again.

import { expect, test } from "vitest";
import { started, until } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

const { answerWith, modelFact, priceList, provider, send, startModelGate, startProvider } = fixture;

const path = "/anthropic/v1/messages";
const most = Number.MAX_SAFE_INTEGER;
const huge = `{"model":"m","max_tokens":${most},"n":${most}}`;
/** A tenth of a dollar for a token, and no bound of what the model writes. */
const dear = priceList([{ provider: "p", model: "m", rates: { input: 10n ** 14n, output: 10n ** 14n } }]);

async function scene(answer: (seen: fixture.SeenRequest) => void, more: readonly (typeof dear)[] = []) {
  const upstream = started(await startProvider(answer));
  return { upstream, gate: await startModelGate([provider("p", upstream.url)], { more }) };
}

test("a client that asks for more than there is and leaves costs a fact and no worker", async () => {
  const { upstream, gate } = await scene(() => undefined);
  const left = new AbortController();
  const headers = { "x-api-key": gate.agent.text };
  const sent = fetch(gate.url + path, { method: "POST", body: huge, signal: left.signal, headers });
  await until(() => upstream.seen.length === 1, "the provider to be asked");
  left.abort();
  await expect(sent).rejects.toThrow("aborted");
  expect(await modelFact(gate)).toMatchObject({ outcome: 3, basis: 2, outputTokens: 128n * 10n ** 9n });
});

test("and one that stays has its answer, with a price and without", async () => {
  for (const more of [[], [dear]]) {
    const { gate } = await scene(({ response }) => answerWith(response, "no usage"), more);
    expect(await send(gate, path, { body: huge })).toMatchObject({ status: 200, text: "no usage" });
    const costNanoUsd = more.length === 0 ? 0n : gate.intents[0]?.boundNanoUsd;
    expect(await modelFact(gate)).toMatchObject({ outcome: 1, basis: 2, costNanoUsd });
  }
});

test("a provider that says more tokens of a dear model than a number holds in nano-dollars is booked exactly", async () => {
  const usage = { input_tokens: 1, output_tokens: 2 ** 40 };
  const { gate } = await scene(({ response }) => answerWith(response, JSON.stringify({ usage })), [dear]);
  expect((await send(gate, path, { body: '{"model":"m"}' })).status).toBe(200);
  const costNanoUsd = (1n + 2n ** 40n) * 10n ** 8n;
  expect(costNanoUsd).toBeGreaterThan(BigInt(most));
  expect(await modelFact(gate)).toMatchObject({ basis: 1, costNanoUsd });
  // At once, and not for want of another way.
  expect(gate.facts).toHaveLength(1);
});

test("a bug where a call is written down gives the client its answer, and the call a fact at its bound", async () => {
  const { gate } = await scene(({ response }) => answerWith(response, '{"usage":{}}'), [dear]);
  gate.breakFacts(1);
  expect((await send(gate, path, { body: '{"model":"m","max_tokens":1}' })).status).toBe(200);
  expect(await modelFact(gate)).toMatchObject({ basis: 2, costNanoUsd: gate.intents[0]?.boundNanoUsd });
  gate.breakFacts(2);
  expect((await send(gate, path, { body: '{"model":"m","max_tokens":1}' })).text).toBe('{"usage":{}}');
  expect(gate.facts).toHaveLength(1);
});
