// Counts of tokens at providers that have them and at those that do not. A client that is told that there is no counting
// estimates from then on; one that is told that its model is unknown, where only the path is, gives the model up.

import { expect, test } from "vitest";
import { started } from "../fixtures/gate-fixture.ts";
import { answerWith, modelFact, provider, send, startModelGate, startProvider } from "../fixtures/model-fixture.ts";

const path = "/anthropic/v1/messages/count_tokens?beta=true";
const body = '{"model":"m","messages":[]}';

async function answered(status: number, text: string) {
  const upstream = started(await startProvider(({ response }) => answerWith(response, text, { status })));
  const gate = await startModelGate([provider("p", upstream.url)]);
  return { gate, answer: await send(gate, path, { body }) };
}

const error = (message: string) => JSON.stringify({ type: "error", error: { type: "not_found_error", message } });

test("that a model is not known goes back in the provider's words", async () => {
  const text = error("model: m");
  const { gate, answer } = await answered(404, text);
  expect([answer.status, answer.text, answer.headers["x-tollgate-code"]]).toEqual([404, text, undefined]);
  expect(answer.headers["content-length"]).toBe(String(text.length));
  expect(await modelFact(gate)).toMatchObject({ status: 404, outcome: 1, responseBytes: BigInt(text.length) });
});

for (const [status, text] of [
  [404, error("Not found")],
  [404, "Not Found"],
  [404, '{"detail":"There is no model server at this path"}'],
  [404, error(`model ${"x".repeat(100_000)}`).replace("not_found_error", "other")],
  [404, ""],
  [405, error("model: m")],
  [501, ""],
] as const)
  test(`that there is no counting is told as such: ${status} ${text.slice(0, 60)}`, async () => {
    const { gate, answer } = await answered(status, text);
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([501, "model.count-unavailable"]);
    expect(answer.json).toMatchObject({ type: "error", error: { type: "not_supported" } });
    expect(await modelFact(gate)).toMatchObject({ status, outcome: 2, costNanoUsd: 0n });
  });
