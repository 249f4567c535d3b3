// An answer that is cut at every one of its bytes, head and framing among them, as it came over the wire from a provider: plain
// ones and streams of all operations. Whoever reads a part must not take it for the whole: a client that does would act on half a
// tool call. And the part has to be paid for: it is booked with at least what the whole costs, and exactly where all was said.

import { Agent, request } from "node:http";
import { once } from "node:events";
import { ProviderKind } from "@tollgate/schema/resources";
import { ModelCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { expect, test, vi } from "vitest";
import { startMockProvider } from "../../../../infra/mock-provider/provider.ts";
import { started, until } from "../fixtures/gate-fixture.ts";
import { expectNothingLeftOpen } from "../fixtures/left-open.ts";
import * as fixture from "../fixtures/model-fixture.ts";
import { recordAnswer, startRawProvider, type Recorded } from "../fixtures/raw-provider.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 120_000 });

const { priceList, provider, startModelGate } = fixture;

const rates = { input: 3_000_000n, cacheRead: 300_000n, cacheWrite5m: 3_750_000n, output: 15_000_000n };
/** Three nano-dollars for a token of input, fifteen for one of output. */
const prices = [priceList([{ provider: "p", model: "m", rates }])];
const usage = { inputTokens: 20, cacheReadTokens: 4, cacheWrite5mTokens: 0, outputTokens: 12 };
const costNanoUsd = 20n * 3n + (4n * 3n + 9n) / 10n + 12n * 15n;
const words = "a question of some length";

type Case = {
  readonly operation: "messages" | "chat/completions" | "responses";
  readonly isStreamed: boolean;
  /** What the provider says of the connection; absent: it is kept. */
  readonly connection?: "close";
};

const cases: readonly Case[] = [
  { operation: "messages", isStreamed: true },
  { operation: "messages", isStreamed: true, connection: "close" },
  { operation: "messages", isStreamed: false },
  { operation: "messages", isStreamed: false, connection: "close" },
  { operation: "chat/completions", isStreamed: true },
  { operation: "chat/completions", isStreamed: false },
  { operation: "responses", isStreamed: true },
  { operation: "responses", isStreamed: false },
];

function bodyOf({ operation, isStreamed }: Case, more: object = {}): string {
  const isResponses = operation === "responses";
  const input = isResponses ? { input: words } : { messages: [{ role: "user", content: words }] };
  const most = isResponses ? { max_output_tokens: 4_000 } : { max_tokens: 4_000 };
  return JSON.stringify({ model: "m", ...most, ...(isStreamed && { stream: true }), ...input, ...more });
}

/** As it comes to the gate, which wants to know the usage of a stream, or as it shall come to the client, who did not ask. */
async function record(one: Case, asksUsage: boolean): Promise<Recorded> {
  await using mock = await startMockProvider({ now: () => 1_800_000_000_000 });
  mock.queueReplies({ content: [{ type: "text", text: "It is so." }], usage, charsPerEvent: 5 });
  const { operation, isStreamed, connection } = one;
  const isAsking = asksUsage && operation === "chat/completions" && isStreamed;
  const asking = isAsking ? { stream_options: { include_usage: true } } : {};
  const version = operation === "messages" ? "anthropic-version: 2023-06-01\r\n" : "";
  const headers = `authorization: Bearer sk\r\n${version}${connection === undefined ? "" : `connection: ${connection}\r\n`}`;
  return await recordAnswer(mock.url, `/v1/${operation}`, bodyOf(one, asking), headers);
}

/** What was said by the bytes of a body, as far as they have come. */
function unframed(body: Buffer, isChunked: boolean): Buffer {
  if (!isChunked) return body;
  const said: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf("\r\n", at);
    if (end < 0) return Buffer.concat(said);
    const length = Number.parseInt(body.toString("latin1", at, end), 16);
    said.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

type Seen = { readonly status: number; readonly code: unknown; readonly bytes: Buffer; readonly isEnded: boolean };

async function callOnce(url: string, key: string, one: Case, agent: Agent, cutAt: number): Promise<Seen> {
  const body = bodyOf(one);
  const door = one.operation === "messages" ? "anthropic" : "openai";
  const sent = request(`${url}/${door}/v1/${one.operation}`, {
    ...{ method: "POST", agent },
    headers: {
      ...{ authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...{ "content-length": body.length, "x-cut": String(cutAt), "user-agent": `cut/${cutAt}` },
    },
  });
  sent.end(body);
  const [response] = await once(sent, "response");
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", () => undefined);
  if (!response.closed) await new Promise((resolve) => response.once("close", resolve));
  const { statusCode: status, headers, complete: isEnded } = response;
  return { status, code: headers["x-tollgate-code"], bytes: Buffer.concat(chunks), isEnded };
}

async function open({ operation }: Case, { wire }: Recorded, ends: "fin" | "reset") {
  const raw = started(
    await startRawProvider(({ socket, headers }) => {
      const cutAt = Number(headers.get("x-cut"));
      socket.write(wire.subarray(0, cutAt), () => {
        if (cutAt === wire.length) return;
        if (ends === "reset") socket.resetAndDestroy();
        else socket.end();
      });
    }),
  );
  const isAnthropic = operation === "messages";
  const given = isAnthropic
    ? provider("p", raw.url, { timeoutSeconds: 60 })
    : provider("p", `${raw.url}/v1`, { timeoutSeconds: 60, kind: ProviderKind.OPENAI });
  return { raw, gate: await startModelGate([given], { more: prices }) };
}

/** All cuts, sixteen at a time. */
async function callAll(cuts: readonly number[], call: (cutAt: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let at = next++; at < cuts.length; at = next++) await call(cuts[at] ?? 0);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

const about = ({ operation, isStreamed, connection }: Case) =>
  `${isStreamed ? "a stream" : "an answer"} of ${operation}${connection === "close" ? " on a connection that is not kept" : ""}`;

type Cut = {
  readonly one: Case;
  readonly recorded: Recorded;
  /** The body that the client shall see. */
  readonly whole: Buffer;
  readonly ends: "fin" | "reset";
  readonly cutAt: number;
  readonly seen: Seen;
  readonly fact: Awaited<ReturnType<typeof fixture.modelFact>>;
};

function checkCut({ one, recorded, whole, ends, cutAt, seen, fact }: Cut): void {
  const { wire, headBytes } = recorded;
  const told = `cut at ${cutAt} of ${wire.length}, the head has ${headBytes}`;
  const isExact = fact.basis === UsageBasis.EXACT;
  expect(fact.attempts, told).toBe(1);
  expect(fact.outcome === ModelCallOutcome.ANSWERED, told).toBe(isExact);
  if (isExact) expect(fact.costNanoUsd, told).toBe(costNanoUsd);
  else expect([fact.basis, (fact.costNanoUsd ?? 0n) >= costNanoUsd], told).toEqual([UsageBasis.ESTIMATED, true]);
  if (seen.status === 502) {
    expect([seen.code, seen.isEnded, isExact], told).toEqual(["upstream.unreachable", true, false]);
    // Only a stream is shown to the client before there is anything of its body.
    if (ends === "fin") expect(cutAt, told).toBeLessThan(one.isStreamed ? headBytes : headBytes + 1);
    return;
  }
  expect(cutAt, told).toBeGreaterThanOrEqual(headBytes);
  const isWhole = cutAt === wire.length;
  expect([seen.status, seen.isEnded], told).toEqual([200, isWhole]);
  expect(whole.subarray(0, seen.bytes.length).equals(seen.bytes), told).toBe(true);
  expect(seen.bytes.length, told).toBeLessThanOrEqual(saidBy(recorded, cutAt).length);
  if (isWhole) expect([seen.bytes.length, isExact], told).toEqual([whole.length, true]);
}

function saidBy({ wire, headBytes }: Recorded, cutAt: number): Buffer {
  const isChunked = /\r\ntransfer-encoding: chunked\r\n/i.test(wire.toString("latin1", 0, headBytes));
  return unframed(wire.subarray(headBytes, cutAt), isChunked);
}

for (const one of cases)
  for (const ends of ["fin", "reset"] as const)
    test(`${about(one)} that is cut at every byte (${ends}) is no whole one to anybody, and is paid for`, async () => {
      expectNothingLeftOpen();
      const recorded = await record(one, true);
      const toldToClient = await record(one, false);
      const whole = saidBy(toldToClient, toldToClient.wire.length);
      const { raw, gate } = await open(one, recorded, ends);
      const all = Array.from({ length: recorded.wire.length + 1 }, (_, at) => at);
      expect(whole.length).toBeGreaterThan(300);
      // A reset takes with it what has not been read, so that one cut is like another.
      const cuts = all.filter((at) => ends === "fin" || at % 7 === 0);
      const agent = new Agent({ keepAlive: true });
      const seen = new Map<number, Seen>();
      await callAll(cuts, async (cutAt) => {
        seen.set(cutAt, await callOnce(gate.url, gate.agent.text, one, agent, cutAt));
      });
      agent.destroy();
      const facts = gate.facts.flatMap(({ kind }) => (kind.case === "modelCallCompleted" ? [kind.value] : []));
      expect([seen.size, gate.intents.length, facts.length]).toEqual([cuts.length, cuts.length, cuts.length]);
      for (const fact of facts) {
        const cutAt = Number(fact.clientVersion);
        const seenAt = seen.get(cutAt);
        if (seenAt === undefined) throw new Error(`nobody made the call ${fact.clientVersion}`);
        seen.delete(cutAt);
        checkCut({ one, recorded, whole, ends, cutAt, seen: seenAt, fact });
      }
      // Each cut has taken its connection with it; those of whole answers may be kept.
      await until(() => raw.openSockets.size <= 1, "the provider's connections to be gone");
      const connections = () =>
        new Promise<number>((resolve) => gate.gate.listener.server.getConnections((_, count) => resolve(count)));
      await until(async () => (await connections()) === 0, "the clients' connections to be gone");
    });
