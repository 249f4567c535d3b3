// Another credential before the client has seen a byte, and none after: what is tried again and what is not, how long a
// credential is put aside, and that what no attempt was heard of is paid for. Without it one exhausted key of a
// provider stops everybody, or a call is made twice.

import { describe, expect, test } from "vitest";
import { started } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

const { answerWith, modelFact, priceList, provider, send, startModelGate, startProvider } = fixture;

const body = '{"model":"m","max_tokens":100}';
const path = "/anthropic/v1/messages";
const keyOf = ({ headers }: Pick<fixture.SeenRequest, "headers">) => String(headers["x-api-key"]).replace("sk-p-", "");
const credentials = ["one", "two", "three"].map((name) => ({ name }));
const sessionOf = (n: number) => ({ "x-claude-code-session-id": `s-${n}` });
const session = { "x-claude-code-session-id": "s" };

/** A provider whose answers depend on which credential comes; what is not said is served. */
async function scene(
  answers: Record<string, (seen: fixture.SeenRequest) => void>,
  names: readonly { name: string; weight?: number; models?: string[] }[] = credentials,
) {
  const upstream = started(
    await startProvider((seen) => {
      const answer = answers[keyOf(seen)];
      if (answer === undefined) answerWith(seen.response, '{"served":true}');
      else answer(seen);
    }),
  );
  const prices = [{ provider: "p", model: "m", rates: { input: 1_000_000n, output: 5_000_000n } }];
  const given = provider("p", upstream.url, { credentials: names });
  return { upstream, gate: await startModelGate([given], { more: [priceList(prices)] }) };
}

type Answer = (seen: fixture.SeenRequest) => void;

/** The first attempts of a call, whichever credentials come with them; those behind are served by nobody. */
function inTurn(...answers: readonly Answer[]): Record<string, Answer> {
  let attempts = 0;
  const answer: Answer = (seen) => answers[attempts++]?.(seen);
  return Object.fromEntries(credentials.map(({ name }) => [name, answer]));
}

const serve =
  (body: string): Answer =>
  ({ response }) =>
    answerWith(response, body);

const refuse = (status: number, headers: Record<string, string> = {}) => {
  return ({ response }: fixture.SeenRequest) => answerWith(response, `{"status":${status}}`, { status, ...headers });
};

describe("before the first byte", () => {
  for (const status of [401, 403, 408, 409, 429, 500, 502, 503, 529])
    test(`${status} is tried with each other credential once, and the last answer decides`, async () => {
      const { upstream, gate } = await scene(inTurn(refuse(status), refuse(status), serve("served")));
      const answer = await send(gate, path, { body });
      expect([answer.status, answer.text]).toEqual([200, "served"]);
      const tried = upstream.seen.map(keyOf);
      expect(tried.toSorted()).toEqual(["one", "three", "two"]);
      expect(await modelFact(gate)).toMatchObject({
        ...{ attempts: 3, credential: tried[2], status: 200, outcome: 1 },
        failedAttempts: [`${tried[0]} ${status}`, `${tried[1]} ${status}`],
      });
    });

  for (const status of [400, 404, 413, 422])
    test(`${status} is about the request and goes back as it came`, async () => {
      const all = { one: refuse(status), two: refuse(status), three: refuse(status) };
      const { upstream, gate } = await scene(all);
      const answer = await send(gate, path, { body });
      expect([answer.status, answer.text, upstream.seen.length]).toEqual([status, `{"status":${status}}`, 1]);
      expect(await modelFact(gate)).toMatchObject({ status, outcome: 1, basis: 3, costNanoUsd: 0n });
    });

  test("where all refuse, the last refusal goes back as it came, with what it says about coming again", async () => {
    const busy = refuse(429, { "retry-after": "7", "x-should-retry": "true" });
    const { upstream, gate } = await scene({ one: busy, two: busy, three: busy });
    const answer = await send(gate, path, { body });
    expect([answer.status, answer.text, upstream.seen.length]).toEqual([429, '{"status":429}', 3]);
    expect(answer.headers).toMatchObject({ "retry-after": "7", "x-should-retry": "true" });
  });

  test("a provider that takes none of the gate's credentials is not heard as if it spoke of the client's key", async () => {
    const { gate } = await scene({ one: refuse(401), two: refuse(403), three: refuse(401) });
    const answer = await send(gate, path, { body });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([502, "upstream.credential-refused"]);
    expect(answer.json).toMatchObject({ type: "error", error: { type: "api_error" } });
    expect(await modelFact(gate)).toMatchObject({ attempts: 3, outcome: 2, basis: 3 });
  });

  test("a connection that breaks before a head is tried again elsewhere, and what nobody heard of costs its bound", async () => {
    const cut = ({ response }: fixture.SeenRequest) => void response.socket?.destroy();
    const whole = '{"usage":{"input_tokens":7,"output_tokens":3}}';
    const { upstream, gate } = await scene(inTurn(cut, cut, serve(whole)));
    expect((await send(gate, path, { body })).text).toBe(whole);
    const boundNanoUsd = BigInt(body.length) + 500n;
    expect(gate.intents[0]?.boundNanoUsd).toBe(boundNanoUsd);
    const [first, second] = upstream.seen.map(keyOf);
    expect(await modelFact(gate)).toMatchObject({
      ...{ attempts: 3, basis: 2, priceVersion: "published-7", inputTokens: 7n, outputTokens: 3n },
      failedAttempts: [`${first} upstream.unreachable`, `${second} upstream.unreachable`],
      costNanoUsd: 2n * boundNanoUsd + 7n + 3n * 5n,
    });
  });

  test("who waited for a head until it was too late is told so, and not made to wait once more", async () => {
    const upstream = started(await startProvider(() => undefined));
    const given = provider("p", upstream.url, { credentials, timeoutSeconds: 1 });
    const gate = await startModelGate([given]);
    const answer = await send(gate, path, { body });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([502, "upstream.timeout"]);
    expect(upstream.seen).toHaveLength(1);
    expect(await modelFact(gate)).toMatchObject({ outcome: 2, attempts: 1, basis: 2 });
  });

  test("a provider that nobody answers for is out of reach, and nothing was used", async () => {
    const gone = await startProvider(() => undefined);
    await gone.stop();
    const gate = await startModelGate([provider("p", gone.url, { credentials })]);
    const answer = await send(gate, path, { body });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([502, "upstream.unreachable"]);
    expect(await modelFact(gate)).toMatchObject({ attempts: 3, basis: 3, costNanoUsd: 0n, status: 0 });
  });

  test("an address that may not be dialled, a redirect and a name that nobody has are errors of the provider", async () => {
    const moved = started(
      await startProvider(({ response }) => answerWith(response, "", { status: 307, location: "http://a.example/" })),
    );
    for (const [given, code] of [
      [provider("p", "http://127.0.0.1:9", { allowPrivateNetwork: false }), "upstream.address-refused"],
      [provider("p", "http://169.254.169.254"), "upstream.address-refused"],
      [provider("p", "http://nobody.invalid"), "upstream.unreachable"],
      [provider("p", moved.url), "upstream.protocol"],
    ] as const) {
      const gate = await startModelGate([given]);
      const answer = await send(gate, path, { body });
      expect([answer.status, answer.headers["x-tollgate-code"], answer.headers.location]).toEqual([
        502,
        code,
        undefined,
      ]);
    }
  });

  test("a provider without a credential for the model, or whose secret is not at hand, is asked nothing", async () => {
    const { upstream, gate } = await scene({}, [{ name: "one", models: ["other*"] }]);
    expect((await send(gate, path, { body })).headers["x-tollgate-code"]).toBe("upstream.credentials-missing");
    gate.secrets([]);
    const other = await send(gate, path, { body: '{"model":"other-1"}' });
    expect(other.headers["x-tollgate-code"]).toBe("upstream.credentials-missing");
    expect(upstream.seen).toEqual([]);
  });
});

describe("which credential", () => {
  test("a session stays with one, a key without a session too, and sessions are spread by weight", async () => {
    const names = [
      { name: "one", weight: 3 },
      { name: "two", weight: 1 },
    ];
    const { upstream, gate } = await scene({}, names);
    for (let call = 0; call < 20; call++) await send(gate, path, { body, headers: session });
    expect(new Set(upstream.seen.map(keyOf)).size).toBe(1);
    upstream.seen.length = 0;
    for (let call = 0; call < 20; call++) await send(gate, path, { body });
    expect(new Set(upstream.seen.map(keyOf)).size).toBe(1);
    upstream.seen.length = 0;
    await Promise.all(Array.from({ length: 200 }, (_, n) => send(gate, path, { body, headers: sessionOf(n) })));
    const ones = upstream.seen.filter((seen) => keyOf(seen) === "one").length;
    // 150 are to be expected, with a deviation of 6.
    expect(ones).toBeGreaterThan(115);
    expect(ones).toBeLessThan(185);
  });

  test("one that is put aside is not asked until its time has come", async () => {
    const { upstream, gate } = await scene({ one: refuse(429, { "retry-after": "60" }) });
    for (let call = 0; call < 30; call++)
      expect((await send(gate, path, { body, headers: sessionOf(call) })).status).toBe(200);
    expect(upstream.seen.filter((seen) => keyOf(seen) === "one")).toHaveLength(1);
  });
});
