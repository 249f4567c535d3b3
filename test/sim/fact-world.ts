// Machines that make facts, and everything that can happen to them: workers and proxies that die, disks that are lost or
// copied, a topic that repeats, delays and loses, answers that never come, a database that is restored. Recorder, reader,
// shipper and the rules of the ingest are the real ones, on real files; what happens and when is decided by a seed.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import type { FactCursor } from "@tollgate/schema/sync";
import { FactSchema, ToolCallOutcome, type FactBatch } from "@tollgate/schema/usage";
import { openRecorder, type Recorder } from "@tollgate/proxy/facts/recorder";
import { openShipper, type Shipper } from "@tollgate/proxy/facts/shipper";
import type { FactSink } from "@tollgate/proxy/facts/sink";
import { seededRandom, type SeededRandom } from "../support/random.ts";
import { violationIn, type Written } from "./fact-laws.ts";
import { epochKeyOf, simulateIngest, type SimulatedIngest } from "./simulated-ingest.ts";

export const factBugs = ["no-chain", "counts-twice", "trims-on-acknowledgement", "never-goes-back"] as const;
export type FactBug = (typeof factBugs)[number];

type Machine = {
  proxyId: string;
  directory: string;
  /** What lies on its disk beside the spool: the numbers drawn ahead, and up to where they were used. */
  disk: { used: bigint; stock: bigint[] };
  workers: Worker[];
  shipper: Shipper;
  /** What reports said so far, for a bug that believes no lower word. */
  highest: Map<bigint, bigint>;
};

type Worker = { recorder: Recorder; epoch: bigint; open: string[] };

const movesPerRun = 60;
const stockSize = 8;

/** The law that was broken, or undefined. */
export async function simulateFacts(seed: number, bug?: FactBug): Promise<string | undefined> {
  const world = new FactWorld(seededRandom(seed), bug);
  try {
    for (let move = 0; move < movesPerRun; move++) await world.move();
    await world.heal();
    return violationIn(world.ingest.cursors(), world.written, world.forked);
  } finally {
    world.remove();
  }
}

class FactWorld {
  readonly ingest: SimulatedIngest;
  readonly written: Written[] = [];
  /** Disks of which the ingest said that another writes the same epoch. */
  readonly forked = new Set<string>();
  readonly #random: SeededRandom;
  readonly #bug: FactBug | undefined;
  readonly #root = mkdtempSync(join(tmpdir(), "tollgate-sim-facts-"));
  readonly #topic: FactBatch[] = [];
  readonly #late: FactBatch[] = [];
  readonly #recorders: Recorder[] = [];
  #machines: Machine[] = [];
  #given = new Map<string, bigint>();
  #nowMs = 0;
  #names = 0;
  #isHealthy = false;
  #restore: (() => void) | undefined;
  #hasCopied = false;

  constructor(random: SeededRandom, bug: FactBug | undefined) {
    this.#random = random;
    this.#bug = bug;
    this.ingest = simulateIngest(bug === "no-chain" || bug === "counts-twice" ? bug : undefined);
    this.#boot(this.#newDisk());
    if (random.chance(0.5)) this.#boot(this.#newDisk());
  }

  async move(): Promise<void> {
    const machine = this.#random.pick(this.#machines);
    const roll = this.#random.next();
    if (roll < 0.3) return this.#record(this.#random.pick(machine.workers), machine);
    if (roll < 0.55) return this.#step(machine);
    if (roll < 0.65) return this.#deliver();
    if (roll < 0.75) return this.#report(machine);
    if (roll < 0.8) this.#nowMs += this.#random.int(20_000);
    else if (roll < 0.86) this.#replaceWorker(machine);
    else if (roll < 0.91) this.#restart(machine);
    else if (roll < 0.93) this.#loseDisk(machine);
    else if (roll < 0.95) this.#copyDisk(machine);
    else if (roll < 0.975) this.#restore = this.ingest.backUp();
    // Not after a copy: who stored an epoch, forgot it with the database and finds it written by his twin has no fact left
    // to compare, and nobody else has. See ADR 0017.
    else if (!this.#hasCopied) this.#restore?.();
  }

  /** Everything can be reached again, everybody sends what he has. */
  async heal(): Promise<void> {
    this.#isHealthy = true;
    for (const machine of this.#machines) for (const { recorder } of machine.workers) recorder.close();
    for (const machine of this.#machines) machine.workers.length = 0;
    for (let round = 0; round < 60; round++) {
      for (const machine of this.#machines) {
        await machine.shipper.step();
        this.#report(machine);
      }
      this.#nowMs += 10_000;
      this.#deliver();
    }
  }

  remove(): void {
    // What died in the simulation still has its file open in this process.
    for (const recorder of this.#recorders) recorder.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  #newDisk(): Pick<Machine, "proxyId" | "directory" | "disk"> {
    const proxyId = `proxy-${++this.#names}`;
    return { proxyId, directory: join(this.#root, `disk-${this.#names}`), disk: { used: 0n, stock: [] } };
  }

  #boot(from: Pick<Machine, "proxyId" | "directory" | "disk">): void {
    const workers: Worker[] = [];
    const { proxyId, directory, disk } = from;
    const shipper = this.#openShipper(proxyId, directory, workers);
    const machine = { proxyId, directory, disk, workers, shipper, highest: new Map<bigint, bigint>() };
    this.#machines.push(machine);
    for (let count = 1 + this.#random.int(2); count > 0; count--) this.#startWorker(machine);
  }

  #openShipper(proxyId: string, directory: string, workers: readonly Worker[]): Shipper {
    return openShipper({
      ...{ directory, proxyId, sinks: [this.#kafka(), this.#grpc()] },
      liveEpochs: () => new Set(workers.map(({ epoch }) => epoch)),
      epochKey: (epoch) => epochKeyOf(proxyId, epoch),
      onEpochs: () => undefined,
      maxBytes: 1 << 30,
      monotonicMs: () => this.#nowMs,
      wallMs: () => this.#nowMs,
      onProblem: ({ kind }) => void (kind === "forked" && this.forked.add(directory)),
    });
  }

  #startWorker(machine: Machine): void {
    const { disk, proxyId, directory } = machine;
    if (!disk.stock.some((epoch) => epoch > disk.used)) {
      // Drawn from the control plane, which gives each number once, above all that this disk knows.
      const last = [this.#given.get(proxyId) ?? 0n, disk.used].reduce((a, b) => (a > b ? a : b));
      disk.stock = Array.from({ length: stockSize }, (_, n) => last + BigInt(n) + 1n);
      this.#given.set(proxyId, last + BigInt(stockSize));
    }
    const epoch = disk.stock.find((one) => one > disk.used) ?? 0n;
    disk.used = epoch;
    const key = epochKeyOf(proxyId, epoch);
    const segmentBytes = this.#random.pick([200, 600, 4_000]);
    const recorder = openRecorder({ directory, epoch, key, nowMs: () => this.#nowMs, maxBytes: 1 << 30, segmentBytes });
    this.#recorders.push(recorder);
    machine.workers.push({ recorder, epoch, open: [] });
  }

  async #record({ recorder, epoch, open }: Worker, { proxyId, directory }: Machine): Promise<void> {
    for (let count = 1 + this.#random.int(12); count > 0; count--) {
      if (open.length > 0 && this.#random.chance(0.5)) {
        const requestId = open.shift() ?? "";
        const value = { tool: "t", outcome: ToolCallOutcome.ANSWERED };
        const kind = { case: "toolCallCompleted", value } as const;
        const seq = recorder.lastSeq() + 1n;
        const fact = { directory, proxyId, epoch, seq, requestId, isDiskLost: false };
        recorder.record({ requestId, kind }, () => void this.written.push(fact));
      } else {
        const requestId = `call-${++this.#names}`;
        recorder.intend({ requestId, tool: "t" }, () => void open.push(requestId));
      }
      if (this.#random.chance(0.3)) await turn();
    }
    await turn();
  }

  async #step(machine: Machine): Promise<void> {
    for (let steps = this.#random.int(4); steps >= 0; steps--) await machine.shipper.step();
  }

  #deliver(): void {
    // A broker keeps the order of what it acknowledged; what was sent twice, or late by another way, comes whenever.
    while (this.#late.length > 0 && this.#random.chance(0.7)) {
      const [batch] = this.#late.splice(this.#random.int(this.#late.length), 1);
      if (batch) this.#topic.push(batch);
    }
    if (this.#isHealthy) this.#topic.push(...this.#late.splice(0));
    this.ingest.consume(this.#topic);
  }

  #report({ proxyId, shipper, highest }: Machine): void {
    const answer = this.ingest.report(proxyId, shipper.spooled());
    const isBelieved = ({ epoch, seq }: FactCursor) =>
      this.#bug !== "never-goes-back" || seq >= (highest.get(epoch) ?? 0n);
    for (const { epoch, seq } of answer.stored) if (seq > (highest.get(epoch) ?? 0n)) highest.set(epoch, seq);
    shipper.reported({ ...answer, stored: answer.stored.filter(isBelieved) });
  }

  #kafka(): FactSink {
    return {
      name: "kafka",
      send: async (batch) => {
        // After a restore the topic is read again and brings back what came by it: a proxy that believes no lower word is
        // found out by what came straight, so with this bug there are no brokers at all.
        if (this.#bug === "never-goes-back") throw new Error("no broker");
        if (!this.#isHealthy && this.#random.chance(0.2)) throw new Error("no broker");
        if (this.#random.chance(0.15)) this.#late.push(batch);
        // What is acknowledged and lost: a topic that was made anew.
        if (this.#isHealthy || this.#random.chance(0.9)) this.#topic.push(batch);
        if (this.#bug === "trims-on-acknowledgement") return { kind: "stored", stored: lastSeq(batch) };
        return { kind: "taken" };
      },
    };
  }

  #grpc(): FactSink {
    return {
      name: "grpc",
      send: async (batch) => {
        if (!this.#isHealthy && this.#random.chance(0.2)) throw new Error("lost on its way");
        try {
          const stored = this.ingest.take(batch);
          if (!this.#isHealthy && this.#random.chance(0.2)) throw new Error("the answer was lost");
          return { kind: "stored", stored };
        } catch (error) {
          if (error instanceof TollgateError && error.code === "usage.forked")
            return { kind: "forked", reason: error.message };
          throw error;
        }
      },
    };
  }

  #replaceWorker(machine: Machine): void {
    // It dies: nothing is closed, nothing more is written.
    machine.workers.splice(this.#random.int(machine.workers.length), 1);
    this.#startWorker(machine);
  }

  #restart(machine: Machine): void {
    this.#machines = this.#machines.filter((other) => other !== machine);
    this.#boot(machine);
  }

  #loseDisk(machine: Machine): void {
    this.#machines = this.#machines.filter((other) => other !== machine);
    rmSync(machine.directory, { recursive: true, force: true });
    for (const one of this.written) if (one.directory === machine.directory) one.isDiskLost = true;
    this.#boot(this.#newDisk());
  }

  /** Once a run: somebody copies a data directory and starts a second proxy on it. */
  #copyDisk(machine: Machine): void {
    if (this.#hasCopied) return;
    this.#hasCopied = true;
    const directory = join(this.#root, `copy-${++this.#names}`);
    mkdirSync(machine.directory, { recursive: true });
    cpSync(machine.directory, directory, { recursive: true });
    this.#boot({ proxyId: machine.proxyId, directory, disk: structuredClone(machine.disk) });
  }
}

function lastSeq({ facts }: FactBatch): bigint {
  const { seq, kind } = fromBinary(FactSchema, facts.at(-1) ?? new Uint8Array());
  return kind.case === "usageLost" ? kind.value.lastSeq : seq;
}
