// What it costs a call that facts can be trusted: its intent before, its link, its part of the batch's MAC. Measured on the
// real recorder and with the real hashes, with and without, as CPU of this process; at 64 calls a turn of the event loop, as
// under load, and at one; of calls to models, which say more, both together. What the MAC of records and the ticks cost is
// not a matter of calls: of each second it is the share that is printed here, in the primary and in a worker.

import { mkdtempSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { batchMac, firstLink } from "@tollgate/kernel/fact-chain";
import { fromKafka, tickHeaders } from "@tollgate/kernel/kafka-record";
import { macTagBytes, macText, signedBytes } from "@tollgate/kernel/record-mac";
import { SharedKeySchema } from "@tollgate/schema/provisions";
import { Era } from "@tollgate/schema/resources";
import { TickSchema } from "@tollgate/schema/sync";
import { ModelCallOutcome, ToolCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { createFactWriter, type FactInit, type IntentInit } from "@tollgate/proxy/facts/fact-writer";
import { hmac } from "@tollgate/proxy/facts/node-hashes";
import { openRecorder } from "@tollgate/proxy/facts/recorder";
import { recordsIn } from "@tollgate/proxy/facts/spool-file";
import { createRecordCheck } from "@tollgate/proxy/feed/record-check";
import { createReplicaHolder } from "@tollgate/proxy/feed/replica-holder";
import { median } from "./load.ts";
import { report } from "./report.ts";

const rounds = 7;
const callsPerRound = 20_000;
const key = randomBytes(32);

export async function benchFacts(): Promise<void> {
  for (const perTurn of [64, 1]) {
    const alone = await medianOf(() => recording(perTurn, factsAlone));
    const withIntents = await medianOf(() => recording(perTurn, toolCalls));
    const ofModels = await medianOf(() => recording(perTurn, modelCalls));
    const subject = `${perTurn} calls a turn`;
    report({ bench: "facts", subject: `fact alone, ${subject}`, value: alone, unit: "µs of CPU a call" });
    report({ bench: "facts", subject: `intent and fact, ${subject}`, value: withIntents, unit: "µs of CPU a call" });
    report({
      bench: "facts",
      subject: `added by intents, ${subject}`,
      value: withIntents - alone,
      unit: "µs of CPU a call",
    });
    const both = `intent and fact of a call to a model, ${subject}`;
    report({ bench: "facts", subject: both, value: ofModels, unit: "µs of CPU a call" });
  }
  report({ bench: "facts", subject: "batch MAC", value: await medianOf(signing), unit: "µs of CPU a fact" });
  const tick = await medianOf(ticking);
  report({ bench: "facts", subject: "tick, its MAC checked and applied", value: tick, unit: "µs of CPU" });
  report({ bench: "facts", subject: "ticks, four a second", value: (4 * tick) / 1e6, unit: "share of a core" });
}

async function medianOf(measure: () => number | Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await measure());
  return median(values);
}

const id = "0123456789abcdef";
/** As an agent says it with each call. */
const said = {
  ...{ method: "tools/call", clientEra: Era.MODERN, clientName: "claude-code", clientVersion: "2.3.14" },
  ...{ toolUseId: "toolu_01A09q90qw90lq917835lq9a", sessionId: "5f3c1a52-7d1c-4b8e-9a51-3b2b1c0d9e8f" },
};

function factOf(requestId: string): FactInit {
  const about = { keyId: id, teamId: id, serverId: id, server: "example", tool: "echo", upstreamStatus: 200 };
  const sizes = { requestBytes: 700n, responseBytes: 700n, firstByteUs: 900n, totalUs: 1_000n };
  return {
    requestId,
    kind: {
      case: "toolCallCompleted",
      value: { ...about, ...sizes, ...said, serverEra: Era.LEGACY, outcome: ToolCallOutcome.ANSWERED },
    },
  };
}

function modelFactOf(requestId: string): FactInit {
  const served = { ...asked, modelServed: "claude-sonnet-4-5-20250929", credential: "first", status: 200, attempts: 1 };
  const sizes = { requestBytes: 60_000n, responseBytes: 9_000n, firstByteUs: 900_000n, totalUs: 5_000_000n };
  const used = { inputTokens: 900n, cacheReadTokens: 50_000n, cacheWrite5mTokens: 1_000n, outputTokens: 800n };
  const cost = { costNanoUsd: 45_000_000n, priceVersion: "2026-11-28", basis: UsageBasis.EXACT };
  const toolUseIds = ["toolu_01A09q90qw90lq917835lq9a", "toolu_01A09q90qw90lq917835lq9b"];
  const ended = {
    stopReason: "tool_use",
    toolUseIds,
    providerRequestId: "req_011CSHoEeqs5C35K2UUqR7Fy",
    streamed: true,
  };
  const outcome = ModelCallOutcome.ANSWERED;
  const value = { ...served, ...sizes, ...used, ...cost, ...ended, outcome };
  return { requestId, kind: { case: "modelCallCompleted", value } };
}

/** Of a call to a model, before and after. */
const asked = {
  ...{ keyId: id, teamId: id, door: "anthropic", operation: "messages", modelAsked: "fast", providerId: id },
  ...{ provider: "anthropic", model: "claude-sonnet-4-5", sessionId: said.sessionId, agentId: "explore" },
  ...{ clientName: "claude-code", clientVersion: "2.1.329" },
};

type Recorded = { fact(requestId: string): FactInit; intent?(requestId: string): IntentInit };

const factsAlone: Recorded = { fact: factOf };
const toolCalls: Recorded = {
  fact: factOf,
  intent: (requestId) => {
    const about = { keyId: id, teamId: id, serverId: id, server: "example", tool: "echo", requestBytes: 700n, ...said };
    return { requestId, timeMs: 1n, ...about };
  },
};
const modelCalls: Recorded = {
  fact: modelFactOf,
  intent: (requestId) => ({ requestId, timeMs: 1n, ...asked, boundNanoUsd: 9n, priceVersion: "2026-11-28" }),
};

async function recording(perTurn: number, { fact, intent }: Recorded): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-bench-"));
  const recorder = openRecorder({ directory, epoch: 1n, key, nowMs: Date.now, maxBytes: 1 << 30 });
  const requestIds = Array.from({ length: perTurn }, () => crypto.randomUUID());
  const before = process.cpuUsage();
  for (let calls = 0; calls < callsPerRound; calls += perTurn) {
    if (intent !== undefined) {
      for (const requestId of requestIds) recorder.intend(intent(requestId), () => undefined);
      await turn();
    }
    for (const requestId of requestIds) recorder.record(fact(requestId));
    await turn();
  }
  const { user, system } = process.cpuUsage(before);
  recorder.close();
  rmSync(directory, { recursive: true });
  return (user + system) / callsPerRound;
}

function ticking(): number {
  const log = { id: "01234567-89ab-cdef-0123-456789abcdef", incarnation: 1 };
  const shared = create(SharedKeySchema, { id: 1, key, useFromMs: 0n });
  const check = createRecordCheck({
    keys: () => [shared],
    onUnknownKey: () => undefined,
    log: { error: () => undefined },
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
  });
  const replica = createReplicaHolder();
  const ticks = Array.from({ length: 2_000 }, (_, n) => {
    const tick = create(TickSchema, { head: 9n, timeMs: BigInt(Date.now() + n), hash: randomBytes(32) });
    const tag = hmac(key, signedBytes({ kind: "tick", log, tick })).subarray(0, macTagBytes);
    return { ...tickHeaders(log, tick), mac: macText({ keyId: 1, tag }) };
  });
  const before = process.cpuUsage();
  for (const headers of ticks) {
    const read = fromKafka(headers, null);
    if (!check.admits(read) || read.kind !== "tick") throw new Error("a tick of this benchmark was refused");
    replica.apply({ kind: "tick", head: read.tick.head, timeMs: Number(read.tick.timeMs) });
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ticks.length;
}

function signing(): number {
  const writer = createFactWriter(key);
  for (let seq = 1n; seq <= 500n; seq++) writer.addFact(seq, 1, factOf(crypto.randomUUID()));
  const facts = [...recordsIn(writer.take())].flatMap((record) => (record.kind === "fact" ? [record.fact] : []));
  const batches = 200;
  const before = process.cpuUsage();
  for (let n = 0; n < batches; n++) batchMac(hmac, key, { proxyId: id, epoch: 1n, before: firstLink, facts });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (batches * facts.length);
}
