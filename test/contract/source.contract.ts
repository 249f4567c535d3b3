// What every source of the log must give a proxy, whichever way the log travels: the state of the log, in order, each
// position once, whole commits only, and knowledge of how old it is. The suite runs on the real control plane, PostgreSQL
// and, for Kafka, a real broker.

import { afterAll, beforeAll, expect, test } from "vitest";
import { limits } from "@tollgate/kernel/limits";
import { seededRandom, seedFromEnv } from "../support/random.ts";
import { until } from "../support/wait.ts";
import { openProbe, type Probe } from "./feed-probe.ts";
import { adminToken, key, openPlanes, revoked, server, team, type Planes } from "./planes.ts";

export type SourceUnderTest = {
  name: "grpc" | "kafka";
  /** Called once, before the first test. */
  brokers: () => Promise<readonly string[]>;
};

/** Answers the planes, for a source's own tests beside the suite. */
export function sourceContract({ name, brokers }: SourceUnderTest): () => Planes {
  let planes: Planes;

  beforeAll(async () => {
    planes = await openPlanes(`source_${name}`, await brokers());
  }, 120_000);

  afterAll(async () => {
    await planes?.[Symbol.asyncDispose]();
  }, 30_000);

  /** A proxy that has come up and follows by the source under test. */
  async function connected(): Promise<Probe> {
    const probe = await openProbe(planes);
    await viaSource(probe);
    return probe;
  }

  function viaSource(probe: Probe): Promise<unknown> {
    const isThere = (): boolean => probe.replica.view() !== undefined && probe.feed.status().source === name;
    return until(isThere, { what: `the feed to come over ${name}`, timeoutMs: 30_000 });
  }

  async function agrees(probe: Probe): Promise<void> {
    await probe.caughtUp();
    expect(probe.held()).toEqual(await planes.truth());
    expect(probe.violations).toEqual([]);
  }

  test("an empty log is a state like any other: the proxy is up, and follows from the first event", async () => {
    await using probe = await connected();
    expect(probe.replica.position()).toBe(0n);
    await planes.append(team("t"));
    await agrees(probe);
    expect(probe.delivered).toEqual([1n]);
  }, 60_000);

  test("a proxy that comes later has the same state as one that was there: snapshot and records mean the same", async () => {
    await using early = await connected();
    for (let n = 0; n < 20; n++) await planes.append(key(`k${n}`), adminToken(`a${n}`));
    await planes.append(revoked("k3"));
    await using late = await connected();
    await planes.append(revoked("k4"));
    await agrees(early);
    await agrees(late);
    expect(late.held()).toEqual(early.held());
    expect(late.snapshots()).toBe(1);
    expect(late.replica.view()?.replica.kinds.get("key")?.entries.size).toBe(18);
  }, 60_000);

  test("a transaction of many events, more than a page holds, becomes visible at once", async () => {
    await using probe = await connected();
    const events = Array.from({ length: 1_200 }, (_, n) => server(`bulk-${n}`));
    const seen = new Set<number>();
    const before = probe.replica.view()?.replica.kinds.get("server")?.entries.size ?? 0;
    probe.onApplied(() => seen.add((probe.replica.view()?.replica.kinds.get("server")?.entries.size ?? 0) - before));
    await planes.append(...events);
    await agrees(probe);
    expect([...seen].filter((size) => size !== 0)).toEqual([1_200]);
  }, 60_000);

  test("events as large as the log takes them arrive, several in one commit", async () => {
    // A batch of them is larger than a broker's largest message.
    await using probe = await connected();
    const tools = Array.from({ length: 1_900 }, (_, n) => `s${n}/${"x".repeat(240)}`);
    await planes.append(...Array.from({ length: 5 }, (_, n) => key(`large-${n}`, tools)));
    await agrees(probe);
    // And a snapshot of them, with what is larger than one message of gRPC takes.
    await planes.append(...Array.from({ length: 40 }, (_, n) => key(`large-more-${n}`, tools)));
    await using late = await connected();
    await agrees(late);
    await agrees(probe);
    const all = ["large-", "large-more-"].flatMap((prefix, i) =>
      [...Array(i === 0 ? 5 : 40).keys()].map((n) => prefix + n),
    );
    await planes.append(...all.map(revoked));
    await agrees(probe);
  }, 60_000);

  test("while nothing happens, the proxy knows that it is up to date; cut off, it knows how old its state is", async () => {
    await using probe = await connected();
    const ticks = probe.ticks();
    await until(() => probe.ticks() >= ticks + 4, { what: "four more ticks" });
    expect(probe.replica.ageMs()).toBeLessThan(limits.clockSkewMs + 1_000);
    expect(probe.feed.status().source).toBe(name);
    await planes.stopRelay();
    await planes.stopDoor();
    await until(() => (probe.replica.ageMs() ?? 0) > limits.clockSkewMs + 1_500, { what: "the age to grow" });
    planes.startRelay();
    await planes.startDoor();
    await until(() => (probe.replica.ageMs() ?? 0) < limits.clockSkewMs + 1_000, { what: "the age to fall" });
  }, 60_000);

  test("under steady writing ticks go on, and the source is not taken for a silent one", async () => {
    await using probe = await connected();
    const problems = probe.problems.length;
    const ticks = probe.ticks();
    let isWriting = true;
    let ends = 0;
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let n = 0; isWriting; n++) await planes.append(team(`steady-${writer}-${n}`));
    });
    try {
      // More than the two seconds after which silence counts as loss.
      await until(() => probe.ticks() >= ticks + 10, { what: "ten ticks under load", timeoutMs: 20_000 });
    } finally {
      isWriting = false;
      await Promise.all(writers.map((writer) => writer.finally(() => ends++)));
    }
    await agrees(probe);
    expect(probe.problems.slice(problems)).toEqual([]);
    expect(probe.feed.status().source).toBe(name);
  }, 60_000);

  test("the control plane's door closes and opens again: nothing is lost, nothing comes twice, no new snapshot", async () => {
    await using probe = await connected();
    await planes.append(team("before-the-door-closed"));
    await probe.caughtUp();
    await planes.stopDoor();
    for (let n = 0; n < 10; n++) await planes.append(team(`behind-the-door-${n}`));
    await planes.startDoor();
    await planes.append(team("after-the-door-opened"));
    await agrees(probe);
    expect(probe.snapshots()).toBe(1);
    await viaSource(probe);
  }, 60_000);

  test("proxies that come and go at any moment of a busy log all end at the same state", async () => {
    const random = seededRandom(seedFromEnv());
    let isWriting = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; isWriting; n++) {
        const id = `busy-${writer}-${n % 7}`;
        await planes.append(
          ...Array.from({ length: 1 + random.int(4) }, () => (random.chance(0.4) ? revoked(id) : key(id))),
        );
      }
    });
    const probes: Probe[] = [];
    try {
      for (let n = 0; n < 8; n++) {
        const probe = await openProbe(planes);
        probes.push(probe);
        const wanted = random.int(60);
        await until(() => probe.delivered.length >= wanted, { what: `${wanted} records`, timeoutMs: 20_000 });
        if (random.chance(0.4)) await probe[Symbol.asyncDispose]();
      }
      isWriting = false;
      await Promise.all(writers);
      for (const probe of probes) expect(probe.violations).toEqual([]);
      const last = await openProbe(planes);
      probes.push(last);
      await agrees(last);
    } finally {
      isWriting = false;
      await Promise.allSettled([...writers, ...probes.map((probe) => probe[Symbol.asyncDispose]())]);
    }
  }, 60_000);

  test("another incarnation of the log is another log: the proxy takes its state anew by itself", async () => {
    await using probe = await connected();
    await planes.append(team("in-the-old-log"));
    await probe.caughtUp();
    await planes.stopRelay();
    await planes.stopDoor();
    await planes.database.sql.query("UPDATE log.head SET incarnation = incarnation + 1");
    await planes.startDoor();
    planes.startRelay();
    await until(() => probe.snapshots() === 2, { what: "a second snapshot" });
    await planes.append(team("in-the-new-log"));
    await agrees(probe);
    await viaSource(probe);
    expect(probe.replica.log()?.incarnation).toBe(2);
    expect(probe.snapshots()).toBe(2);
  }, 60_000);

  test("from the append to the proxy's hands: figures over 200 changes", async () => {
    await using probe = await connected();
    const timesMs: number[] = [];
    for (let n = 0; n < 200; n++) {
      let arrived: (() => void) | undefined;
      const arrival = new Promise<number>((resolve) => (arrived = () => resolve(performance.now())));
      let wanted: bigint | undefined;
      const look = (): void => void (wanted !== undefined && probe.replica.position() >= wanted && arrived?.());
      if (n === 0) probe.onApplied(() => current?.());
      current = look;
      wanted = await planes.append(team(`timed-${n}`));
      const appendedMs = performance.now();
      look();
      timesMs.push(Math.max(0, (await arrival) - appendedMs));
    }
    timesMs.sort((a, b) => a - b);
    const [p50 = 0, p99 = 0, max = 0] = [timesMs[99], timesMs[197], timesMs[199]];
    console.log(
      `${name}: append to proxy p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
    );
    // A gross bound only; the figures are what is of interest.
    expect(p99).toBeLessThan(1_000);
  }, 60_000);
  let current: (() => void) | undefined;

  return () => planes;
}
