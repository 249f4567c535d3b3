// Brokers that bring everything, steadily, and late: a mirror in another region that is seconds behind. Its ticks are new, so
// no silence gives it away; a proxy that believed it would honour a revoked key for as long as the mirror lags, although the
// control plane is in reach. The follower is the real one; its two sources and the control plane's clock are of this file.

import { create } from "@bufbuild/protobuf";
import { follow, type Follower } from "@tollgate/proxy/feed/follower";
import type { Log, Source, SourceListener, Tick } from "@tollgate/proxy/feed/source";
import { RecordSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import { afterEach, expect, test } from "vitest";
import { VirtualTime } from "./virtual-time.ts";

const log: Log = { id: "log", incarnation: 1 };
/** No clock of the proxy's shows anything like it. */
const controlClockMs = 1_790_000_000_000;
const tickMs = 250;
const reportMs = 1_000;

let follower: Follower | undefined;
afterEach(() => {
  void follower?.stop();
});

class World {
  readonly time = new VirtualTime();
  /** How late the brokers are with what is written at a moment. */
  lagMs = (_atMs: number): number => 10;
  isControlAway = false;
  readonly problems: string[] = [];
  readonly attachments: Source["name"][] = [];
  readonly attached = new Map<SourceListener, Source["name"]>();
  readonly #appendedMs: number[] = [];
  readonly #deliveredMs: number[] = [];
  #topicDueMs = 0;

  constructor() {
    const { time } = this;
    follower = follow({
      sources: [this.#source("kafka", "end"), this.#source("grpc", "position")],
      snapshot: async () => ({ log, position: 0n, hash: hashAt(0), chunks: [] }),
      read: async ({ position }, listener) => {
        this.#mustReach();
        listener.onRecords(log, this.#after(position));
        listener.onTick(log, this.#tick());
      },
      onCommits: (_, records) => this.#deliveredMs.push(...records.map(() => time.nowMs())),
      ...{ onSnapshot: () => undefined, onTick: () => undefined, clock: time },
      onProblem: (problem) => this.problems.push(problem),
    });
    const tick = (): void => {
      const told = this.#tick();
      this.#toAll((listener) => listener.onTick(log, told));
      time.after(tickMs, tick);
    };
    const report = (): void => {
      if (!this.isControlAway) follower?.said(this.#tick());
      time.after(reportMs, report);
    };
    tick();
    report();
  }

  append(): void {
    this.#appendedMs.push(this.time.nowMs());
    const records = this.#after(BigInt(this.#appendedMs.length - 1));
    this.#toAll((listener) => listener.onRecords(log, records));
  }

  /** Lets so much time pass, with a commit every so often; how long the slowest of them took. */
  async worstMs(forMs: number): Promise<number> {
    const first = this.#appendedMs.length;
    const endMs = this.time.nowMs() + forMs;
    // Not in step with ticks or reports.
    for (let atMs = this.time.nowMs(); atMs < endMs; atMs += 370) {
      await this.pass(370);
      this.append();
    }
    await this.pass(20_000);
    const tookMs = this.#appendedMs.map((atMs, index) => (this.#deliveredMs[index] ?? Infinity) - atMs);
    return Math.max(...tookMs.slice(first));
  }

  async pass(ms: number): Promise<void> {
    await this.time.runTo(this.time.nowMs() + ms, () => false);
  }

  source(): string {
    return `${follower?.status().source} of ${[...this.attached.values()].toSorted().join(", ")}`;
  }

  #source(name: Source["name"], beginsAt: Source["beginsAt"]): Source {
    return {
      ...{ name, beginsAt },
      attach: async (after, listener) => {
        await this.time.wait(20);
        if (name === "grpc") this.#mustReach();
        this.attachments.push(name);
        this.attached.set(listener, name);
        if (name === "grpc") listener.onRecords(log, this.#after(after?.position ?? 0n));
        return { detach: async () => void this.attached.delete(listener) };
      },
    };
  }

  /** A watch hears it soon; the topic gets it late and in order, and whoever reads the topic by then hears it. */
  #toAll(tell: (listener: SourceListener) => void): void {
    const nowMs = this.time.nowMs();
    this.#topicDueMs = Math.max(this.#topicDueMs, nowMs + this.lagMs(nowMs));
    this.time.after(5, () => {
      if (!this.isControlAway) this.#tell("grpc", tell);
    });
    this.time.after(this.#topicDueMs - nowMs, () => this.#tell("kafka", tell));
  }

  #tell(readers: Source["name"], tell: (listener: SourceListener) => void): void {
    for (const [listener, name] of this.attached) if (name === readers) tell(listener);
  }

  #tick(): Tick {
    const head = this.#appendedMs.length;
    return { head: BigInt(head), timeMs: BigInt(controlClockMs + Math.floor(this.time.nowMs())), hash: hashAt(head) };
  }

  #after(position: bigint): LogRecord[] {
    return this.#appendedMs.slice(Number(position)).map((_, index) => {
      const at = Number(position) + 1 + index;
      const place = { position: BigInt(at), commit: BigInt(at) };
      return create(RecordSchema, { ...place, type: "e", previous: hashAt(at - 1), hash: hashAt(at) });
    });
  }

  #mustReach(): void {
    if (this.isControlAway) throw new Error("the control plane is away");
  }
}

function hashAt(position: number): Uint8Array {
  return Buffer.alloc(32, position);
}

async function onKafka(): Promise<World> {
  const world = new World();
  await world.pass(5_000);
  expect(world.source()).toBe("kafka of kafka");
  return world;
}

test("brokers that fall behind slowly, ticking all the time, delay no commit by a second", async () => {
  const world = await onKafka();
  const beganMs = world.time.nowMs();
  world.lagMs = (atMs) => Math.min(8_000, (atMs - beganMs) / 5);
  expect(await world.worstMs(60_000)).toBeLessThan(1_000);
  expect(world.source()).toBe("grpc of grpc, kafka");
  expect(world.problems.join("; ")).toMatch(/^kafka: behind by \d+ ms; grpc beside it$/);
});

test("brokers that are late at once and stay so delay no commit by a second, and are attached once", async () => {
  const world = await onKafka();
  world.lagMs = () => 3_000;
  expect(await world.worstMs(60_000)).toBeLessThan(1_000);
  expect(await world.worstMs(60_000)).toBeLessThan(10);
  expect(world.source()).toBe("grpc of grpc, kafka");
  expect(world.attachments.filter((name) => name === "kafka")).toHaveLength(1);
});

test("a proxy that starts while brokers are late waits for them beside, and moves when they are in time", async () => {
  const world = new World();
  world.lagMs = () => 3_000;
  await world.pass(10_000);
  expect(world.source()).toBe("grpc of grpc, kafka");
  const attachments = [...world.attachments];
  expect(await world.worstMs(10_000)).toBeLessThan(10);
  expect(world.attachments).toEqual(attachments);
  world.lagMs = () => 10;
  await world.pass(5_000);
  expect(world.source()).toBe("kafka of kafka");
});

test("brokers a third of a second away are in time, and nobody watches beside them", async () => {
  const world = new World();
  world.lagMs = () => 350;
  expect(await world.worstMs(60_000)).toBeLessThan(400);
  expect(world.source()).toBe("kafka of kafka");
  expect(world.attachments).toEqual(["grpc", "kafka"]);
});

test("while the control plane is away, late brokers are better than none", async () => {
  const world = await onKafka();
  world.isControlAway = true;
  world.lagMs = () => 1_500;
  expect(await world.worstMs(30_000)).toBeLessThan(2_000);
  expect(world.source()).toBe("kafka of kafka");
});
