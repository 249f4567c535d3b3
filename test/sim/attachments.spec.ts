// Every attached source but the one in use is detached, however losses, slow joins and upgrades fall together. One that is
// forgotten would go on reading beside the other for as long as the proxy lives: a Kafka consumer in a group of its own,
// fetching and delivering every record twice. The follower is the real one; its sources count, and a seed decides the rest.

import { follow, type FollowerParts } from "@tollgate/proxy/feed/follower";
import type { Log, Source, SourceListener } from "@tollgate/proxy/feed/source";
import { expect, test } from "vitest";
import { seededRandom, seedFromEnv, type SeededRandom } from "../support/random.ts";
import { VirtualTime } from "./virtual-time.ts";

const seeds = 500;
const firstSeed = seedFromEnv();
const log: Log = { id: "log", incarnation: 1 };
const hash = new Uint8Array(32);
const tickMs = 250;
const faultsMs = 15_000;
/** Enough for the slowest attachment to come up, a silent one to be noticed, and the preferred source to be tried again. */
const calmMs = 20_000;

type Weather = { random: SeededRandom; time: VirtualTime; isCalm: boolean };

class CountingSource {
  readonly attached = new Set<SourceListener>();
  readonly source: Source;
  readonly #weather: Weather;

  constructor(name: Source["name"], beginsAt: Source["beginsAt"], weather: Weather) {
    this.#weather = weather;
    this.source = { name, beginsAt, attach: (_, listener) => this.#attach(listener) };
  }

  async #attach(listener: SourceListener) {
    const { random, time } = this.#weather;
    await time.wait(random.int(random.chance(0.4) ? 6_000 : 60));
    if (!this.#weather.isCalm && random.chance(0.4)) throw new Error("it does not answer");
    this.attached.add(listener);
    this.#live(listener);
    return {
      detach: async () => {
        await time.wait(random.int(random.chance(0.2) ? 2_000 : 20));
        this.attached.delete(listener);
      },
    };
  }

  /** It ticks until it is detached, and in bad weather ends with a word or without one. */
  #live(listener: SourceListener): void {
    const { random, time } = this.#weather;
    if (!this.attached.has(listener)) return;
    listener.onTick(log, tickAt(time));
    const isEnding = !this.#weather.isCalm && random.chance(0.1);
    if (isEnding && random.chance(0.7)) listener.onLost("cut off");
    if (!isEnding) time.after(tickMs, () => this.#live(listener));
  }
}

async function violationOf(seed: number): Promise<string | undefined> {
  const weather: Weather = { random: seededRandom(seed), time: new VirtualTime(), isCalm: false };
  const { random, time } = weather;
  const kafka = new CountingSource("kafka", "end", weather);
  const grpc = new CountingSource("grpc", "position", weather);
  const answer = async () => {
    await time.wait(random.int(60));
    if (!weather.isCalm && random.chance(0.3)) throw new Error("the control plane is away");
  };
  const follower = follow({
    sources: [kafka.source, grpc.source],
    snapshot: async () => {
      await answer();
      return { log, position: 0n, hash, chunks: [] };
    },
    read: (async (_, listener) => {
      await answer();
      listener.onTick(log, tickAt(time));
    }) satisfies FollowerParts["read"],
    ...{ onSnapshot: nothing, onCommits: nothing, onTick: nothing, onProblem: nothing },
    clock: time,
  });
  const counted = () => `${kafka.attached.size} of kafka, ${grpc.attached.size} of grpc`;
  await time.runTo(faultsMs, () => false);
  weather.isCalm = true;
  await time.runTo(faultsMs + calmMs, () => false);
  if (follower.status().source !== "kafka" || counted() !== "1 of kafka, 0 of grpc")
    return `in use is ${follower.status().source}, attached are ${counted()}`;
  // At any moment of a next bad time.
  weather.isCalm = false;
  await time.runTo(faultsMs + calmMs + random.int(faultsMs), () => false);
  let isStopped = false;
  void follower.stop().then(() => (isStopped = true));
  await time.runTo(faultsMs + calmMs + 2 * faultsMs, () => false);
  if (!isStopped) return "it does not stop";
  return counted() === "0 of kafka, 0 of grpc" ? undefined : `after the stop, attached are ${counted()}`;
}

function tickAt(time: VirtualTime) {
  return { head: 0n, timeMs: BigInt(Math.floor(time.nowMs())) + 1n, hash };
}

function nothing(): void {
  // What is delivered is the business of other specs.
}

test(
  `in ${seeds} seeds, what is attached is what is in use, and nothing after a stop`,
  { timeout: 60_000 },
  async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const violation = await violationOf(seed % 2 ** 32);
      expect(violation, `repeat with TOLLGATE_TEST_SEED=${seed % 2 ** 32}`).toBeUndefined();
    }
  },
);
