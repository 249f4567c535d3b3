// The suite of sources over Kafka, on a broker of its own, and what only Kafka can do to a proxy: a broker that is killed, a
// relay that is killed or lives on as a ghost, strangers in the topic. A proxy mends holes from the log, so what the relay
// promises of the topic is looked up in the topic itself.

import { fileURLToPath } from "node:url";
import { openKafka } from "@tollgate/api/kafka";
import { head, readLog } from "@tollgate/api/log/read";
import { openRecordKeys, type RecordKeys, type Signature } from "@tollgate/api/relay/record-keys";
import { startRelay } from "@tollgate/api/relay/relay";
import { LogBehind } from "@tollgate/api/log/incarnation";
import { checkTail } from "@tollgate/api/relay/tail";
import { openWake } from "@tollgate/api/log/wake";
import { recordOf } from "@tollgate/api/sync/records";
import { limits } from "@tollgate/kernel/limits";
import { recordHeaders, tickHeaders, type Said } from "@tollgate/kernel/kafka-record";
import type { Record as LogRecord } from "@tollgate/schema/sync";
import { afterAll, expect, test } from "vitest";
import { kafkaAvailability, startBroker, type KafkaBroker } from "../support/kafka-broker.ts";
import { startProcess } from "../support/processes.ts";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";
import { openProbe, type Probe } from "./feed-probe.ts";
import { key, team, type Planes } from "./planes.ts";
import { sourceContract } from "./source.contract.ts";
import { eventsTopic, positionsOn, withAdmin, write } from "./topic.ts";

describeWith(await kafkaAvailability("own"), "the log over Kafka", () => {
  let broker: KafkaBroker;

  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
  }, 30_000);

  const planesNow = sourceContract({
    name: "kafka",
    brokers: async () => {
      broker = await startBroker();
      return [broker.brokers];
    },
  });

  function via(probe: Probe, name: "kafka" | "grpc"): Promise<unknown> {
    return until(() => probe.feed.status().source === name, { what: `the feed over ${name}`, timeoutMs: 40_000 });
  }

  async function agrees(planes: Planes, probe: Probe): Promise<void> {
    await probe.caughtUp(40_000);
    expect(probe.held()).toEqual(await planes.truth());
    expect(probe.violations).toEqual([]);
    expect(probe.snapshots()).toBe(1);
  }

  /** Writes commits of one and of three events until `stop`. */
  function writing(planes: Planes, prefix: string) {
    let isWriting = true;
    let commits = 0;
    const done = (async () => {
      for (; isWriting; commits++) {
        const id = `${prefix}-${commits}`;
        await (commits % 2 === 0 ? planes.append(team(id)) : planes.append(team(id), key(`${id}-a`), key(`${id}-b`)));
      }
    })();
    return {
      more: (count: number) => {
        const wanted = commits + count;
        return until(() => commits >= wanted, { what: `${count} more commits`, timeoutMs: 30_000 });
      },
      stop: async () => {
        isWriting = false;
        await done;
      },
    };
  }

  /** Every position of the log is on the topic; each came first after the one before it. */
  async function topicIsComplete(planes: Planes): Promise<{ repeated: number }> {
    const { log, position } = await head(planes.database.sql);
    const found = await until(
      async () => {
        const positions = await positionsOn(broker.brokers, log.id);
        return positions.some((one) => one === position) && positions;
      },
      { what: `position ${position} on the topic`, timeoutMs: 60_000, intervalMs: 100 },
    );
    let known = 0n;
    for (const one of found) {
      if (one > known + 1n) throw new Error(`position ${one} stands where ${known + 1n} was due`);
      if (one > known) known = one;
    }
    expect(known).toBe(position);
    return { repeated: found.length - Number(position) };
  }

  test("with the control plane's door closed, the topic alone is enough for a proxy that is up", async () => {
    const planes = planesNow();
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    await planes.stopDoor();
    try {
      await planes.append(team("door-closed-1"), key("door-closed-2"));
      await agrees(planes, probe);
    } finally {
      await planes.startDoor();
    }
  }, 60_000);

  test("the broker is killed in the middle of writing and comes back: proxies follow past it, and return to it", async () => {
    const planes = planesNow();
    await using one = await openProbe(planes);
    await using two = await openProbe(planes);
    await Promise.all([via(one, "kafka"), via(two, "kafka")]);
    const writer = writing(planes, "killed-broker");
    await writer.more(20);
    await broker.kill();
    await writer.more(20);
    await Promise.all([via(one, "grpc"), via(two, "grpc")]);
    await writer.more(20);
    await one.caughtUp();
    await broker.start();
    await writer.more(20);
    await Promise.all([via(one, "kafka"), via(two, "kafka")]);
    await writer.more(20);
    await writer.stop();
    await agrees(planes, one);
    await agrees(planes, two);
    await topicIsComplete(planes);
  }, 180_000);

  test("the relay is killed in the middle of writing and another takes over: the topic has no hole", async () => {
    const planes = planesNow();
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    await planes.stopRelay();
    const args = [fileURLToPath(new URL("relay-process.ts", import.meta.url)), planes.databaseUrl, broker.brokers];
    await using first = await startProcess({ name: "the first relay", args });
    await first.waitForLine(/leading/, 20_000);
    await using second = await startProcess({ name: "the second relay", args });
    const writer = writing(planes, "killed-relay");
    await writer.more(30);
    first.kill("SIGKILL");
    await writer.more(30);
    await second.waitForLine(/leading/, 20_000);
    await writer.more(30);
    await writer.stop();
    await agrees(planes, probe);
    const { repeated } = await topicIsComplete(planes);
    console.log(`positions repeated on the topic so far: ${repeated}`);
    await second[Symbol.asyncDispose]();
    planes.startRelay();
    await planes.append(team("after-the-relays"));
    await via(probe, "kafka");
    await agrees(planes, probe);
  }, 120_000);

  test("a relay whose session ends loses the lead and takes it up again", async () => {
    const planes = planesNow();
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    const writer = writing(planes, "ended-session");
    for (let n = 0; n < 3; n++) {
      await writer.more(10);
      await until(
        async () =>
          (
            await planes.database.sql.query(
              `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND granted AND datname = current_database()`,
            )
          ).length > 0,
        { what: "a leader to end" },
      );
    }
    await writer.more(10);
    await writer.stop();
    await agrees(planes, probe);
    await topicIsComplete(planes);
  }, 120_000);

  test("a relay that waits for its turn stops at once when told to", async () => {
    const planes = planesNow();
    const { database, kafkaBrokers } = planes;
    const wake = await openWake(database);
    const kafka = openKafka({ brokers: kafkaBrokers, clientId: "standby", onProblem: () => undefined });
    const problems: unknown[] = [];
    const onProblem = (problem: unknown): void => void problems.push(problem);
    const { recordKeys } = planes;
    const mayWrite = () => Promise.resolve();
    const standby = startRelay({ database, wake, kafka, recordKeys, nowMs: Date.now, onProblem, mayWrite });
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND datname = current_database()
      AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory') AND pid <> pg_backend_pid()`;
    await until(async () => (await database.sql.query(waiting)).length > 0, { what: "the standby to wait" });
    await standby.stop();
    expect(standby.status().isLeading).toBe(false);
    expect(problems).toEqual([]);
    await wake.close();
    await kafka.close();
  }, 30_000);

  test("a ghost's repetitions and strangers' records change nothing, and cost no snapshot", async () => {
    const planes = planesNow();
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    const { log, position } = await head(planes.database.sql);
    const old = await readLog(planes.database.sql, position > 50n ? position - 50n : 0n, 50);
    const sign = await planes.recordKeys.signer();
    const repeated = old.map(recordOf).map((record) => messageOf({ kind: "record", log, record }, sign));
    const other = { id: crypto.randomUUID(), incarnation: 1 };
    const elsewhere = old.map(recordOf).map((record) => messageOf({ kind: "record", log: other, record }, sign));
    await write(broker.brokers, [...repeated, ...elsewhere, { value: "nothing of ours" }, ...repeated]);
    await planes.append(team("after-the-ghost"));
    await agrees(planes, probe);
    await via(probe, "kafka");
  }, 60_000);

  // Whoever may write to the topic would otherwise issue himself a key, or take a revocation back.
  test("what is forged is refused and counted, whatever of it is forged, and what is left out is fetched", async () => {
    const planes = planesNow();
    await planes.append(team("before-the-forger"));
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    await probe.caughtUp();
    const { log, position, hash } = await head(planes.database.sql);
    const sign = await planes.recordKeys.signer();
    const [entry] = await readLog(planes.database.sql, position - 1n, 1);
    if (!entry) throw new Error("no entry");
    const next: LogRecord = { ...recordOf(entry), position: position + 1n, commit: position + 1n, previous: hash };
    const genuine = messageOf({ kind: "record", log, record: next }, sign);
    const { mac, ...unsigned } = genuine.headers;
    const otherKey = mac.replace(/^\d+/, "999");
    const tick = tickHeaders(log, { $typeName: "tollgate.v1.Tick", head: position, timeMs: 9n ** 15n, hash });
    const before = probe.feed.refused();
    await write(broker.brokers, [
      { value: "nothing of ours" },
      { ...genuine, headers: unsigned },
      { ...genuine, headers: { ...unsigned, mac: mac.replace(/.$/, (last) => (last === "0" ? "1" : "0")) } },
      { ...genuine, headers: { ...genuine.headers, mac: otherKey } },
      { ...genuine, value: Buffer.concat([genuine.value ?? Buffer.alloc(0), Buffer.from([0])]) },
      { ...genuine, headers: { ...genuine.headers, scopes: "key/another" } },
      { value: null, headers: { ...tick, mac } },
    ]);
    await planes.append(team("after-the-forger"));
    await agrees(planes, probe);
    const counted = { unreadable: 1, "mac-missing": 1, "mac-wrong": 4, "key-unknown": 1 };
    const refused = () =>
      Object.entries(probe.feed.refused()).map(([reason, count]) => [
        reason,
        count - (before[reason as keyof typeof before] ?? 0),
      ]);
    await until(() => JSON.stringify(Object.fromEntries(refused())) === JSON.stringify(counted), {
      what: "all forgeries to be counted",
    });
    expect(probe.problems.filter((problem) => problem.includes("not written by our relay"))).toHaveLength(1);
    expect(probe.replica.ageMs()).toBeLessThan(limits.clockSkewMs + 5_000);
    await via(probe, "kafka");
  }, 60_000);

  test("ticks that are repeated are no sign of life: a dead relay's proxy follows beside the topic", async () => {
    const planes = planesNow();
    await using probe = await openProbe(planes);
    await via(probe, "kafka");
    await planes.stopRelay();
    const { log, position, hash } = await head(planes.database.sql);
    const sign = await planes.recordKeys.signer();
    const said: Said = {
      ...{ kind: "tick", log },
      tick: { $typeName: "tollgate.v1.Tick", head: position, timeMs: BigInt(Date.now()) - 5_000n, hash },
    };
    let isRepeating = true;
    const repeating = (async () => {
      while (isRepeating) await write(broker.brokers, [messageOf(said, sign)]);
    })();
    await via(probe, "grpc");
    await planes.append(team("while-ticks-are-repeated"));
    await agrees(planes, probe);
    isRepeating = false;
    await repeating;
    planes.startRelay();
    await via(probe, "kafka");
  }, 60_000);

  // A control plane on a restored database would give positions anew that proxies have applied.
  test("a database that is behind the topic's tail, or beside it, is refused in a sentence that says what to set", async () => {
    const planes = planesNow();
    const position = await planes.append(team("the-last"), team("the-very-last"));
    await topicIsComplete(planes);
    const kafka = openKafka({ brokers: planes.kafkaBrokers, clientId: "tail", onProblem: () => undefined });
    const parts = { kafka, recordKeys: planes.recordKeys };
    await checkTail({ ...parts, database: planes.database });
    const { log } = await head(planes.database.sql);
    // As a backup has them that is from before a revocation: none of those that signed the topic's end.
    const { secret } = planes.keyring;
    const key = { id: 99, key: Buffer.alloc(32, 9), useFromMs: 0, acceptUntilMs: undefined };
    const formerKeys = openRecordKeys({ secret, keys: () => Promise.resolve([key]) }, Date.now);
    const refusedAfter = async (...statements: string[]): Promise<string> => {
      let refused: unknown;
      const rollBack = new Error("rolled back on purpose");
      const restored = planes.database.transaction(async (sql) => {
        for (const statement of statements) await sql.query(statement);
        const check = (recordKeys: RecordKeys) => checkTail({ kafka, recordKeys, database: { sql } });
        refused = await check(planes.recordKeys).catch((error: unknown) => error);
        const byFormer: unknown = await check(formerKeys).catch((error: unknown) => error);
        expect(String(byFormer)).toBe(String(refused));
        throw rollBack;
      });
      await expect(restored).rejects.toBe(rollBack);
      return refused instanceof LogBehind ? refused.message : `not refused: ${String(refused)}`;
    };
    const next = `set TOLLGATE_INCARNATION=${log.incarnation + 1} and`;
    const earlier = `UPDATE log.head h SET position = e.position, hash = e.hash FROM log.event e WHERE e.position = ${position - 2n}`;
    const cut = `DELETE FROM log.event WHERE position > ${position - 2n}`;
    const behind = await refusedAfter(cut, earlier);
    expect(behind).toContain(`holds position ${position} of this log, and the database ends at ${position - 2n}`);
    expect(behind).toContain(next);
    const beside = await refusedAfter(`UPDATE log.event SET hash = sha256(hash) WHERE position = ${position - 1n}`);
    expect(beside).toContain(`has another event at position ${position - 1n}`);
    const former = await refusedAfter(`UPDATE log.head SET incarnation = incarnation - 1`);
    expect(former).toContain(next);
    expect(await refusedAfter(cut, earlier, `UPDATE log.head SET incarnation = incarnation + 1`)).toContain(
      "not refused",
    );
    await kafka.close();
  }, 60_000);

  test("facts are read from where the caller says, and a record that was not taken comes again", async () => {
    const planes = planesNow();
    const kafka = openKafka({ brokers: planes.kafkaBrokers, clientId: "usage", onProblem: () => undefined });
    const topic = "gateway.usage";
    const records = Array.from({ length: 10 }, (_, n) => {
      return { key: "one-proxy", value: Buffer.from(String(n)), headers: {} };
    });
    await kafka.produce(topic, records);
    const seen: string[] = [];
    let place: bigint | undefined;
    let failures = 0;
    const consume = (wantsMore: () => boolean) =>
      kafka.consume({
        topic,
        groupId: "facts",
        next: async () => place,
        async take({ value, offset }) {
          if (!wantsMore() || (seen.length === 4 && failures++ < 3)) throw new Error("the database is away");
          seen.push(Buffer.from(value ?? []).toString());
          place = offset + 1n;
        },
      });
    const first = await consume(() => seen.length < 6);
    await until(() => seen.length === 6, { what: "six records", timeoutMs: 30_000 });
    await first.stop();
    // The place is in the caller's database, not at the broker: a new group begins where it says.
    const second = await consume(() => true);
    await until(() => seen.length >= 10, { what: "all records", timeoutMs: 30_000 });
    await second.stop();
    expect(seen).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(failures).toBeGreaterThanOrEqual(3);
    await kafka.close();
  }, 90_000);

  function messageOf(said: Said, sign: (said: Said) => Signature) {
    const signature = sign(said);
    if (said.kind === "tick") return { value: null, headers: { ...tickHeaders(said.log, said.tick), ...signature } };
    const { body } = said.record;
    return {
      value: body ? Buffer.from(body) : null,
      headers: { ...recordHeaders(said.log, said.record), ...signature },
    };
  }

  test("an events topic of two partitions is refused in words", async () => {
    const planes = planesNow();
    await planes.stopRelay();
    const kafka = openKafka({ brokers: planes.kafkaBrokers, clientId: "topics", onProblem: () => undefined });
    await withAdmin(broker.brokers, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: eventsTopic, count: 2 }] }),
    );
    await expect(kafka.ensureTopics()).rejects.toThrow("gateway.events has 2 partitions; it must have 1");
    await kafka.close();
  }, 30_000);
});
