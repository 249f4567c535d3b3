// Facts when disks, databases and machines go: nothing is counted twice, and nothing is lost without a word. For every epoch
// the numbers that a proxy gave out are, in the end, facts in the store, losses that were stated, or a tail of known size; a
// bill that rests on less is a guess.

import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { countFacts, listSegments, readSegment } from "@tollgate/proxy/facts/spool-file";
import { Client } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { readMetric } from "../support/member-state.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpRequest } from "../support/mcp-request.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import { callTool, createTeam, issueKey, readCalls, registerServer } from "../support/operations.ts";
import { describeWith } from "../support/real-part.ts";
import { mountSmallDisk, smallDiskAvailability } from "../support/small-disk.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

type Setting = {
  stack: Stack;
  sql: Client;
  call: (tool?: string, args?: unknown) => Promise<boolean>;
  keyId: string;
  secret: string;
};

async function open(name: string, kafkaBrokers?: string): Promise<Setting> {
  const database = resources.use(await createDatabase(name));
  const upstream = resources.use(await startExampleMcp());
  const stack = resources.use(
    await startStack({
      databaseUrl: database.url,
      ...(kafkaBrokers === undefined ? {} : { kafkaBrokers }),
      // A proxy that lost its disk joins as another.
      env: { TOLLGATE_JOIN_TOKEN_USES_MAX: "3" },
    }),
  );
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const team = await createTeam(stack.admin, "platform");
  const key = await issueKey(stack.admin, { name: "agent", teamId: team.id });
  const call = async (tool = "echo", args: unknown = {}): Promise<boolean> =>
    (await callTool(stack.proxy().url, key.secret, `example__${tool}`, args)).hasResult;
  await until(call, { what: "the key to work" });
  const sql = new Client({ connectionString: database.url });
  await sql.connect();
  resources.defer(() => sql.end());
  return { stack, sql, call, keyId: key.id, secret: key.secret };
}

async function calls({ call }: Setting, count: number): Promise<void> {
  for (let done = 0; done < count; done++) expect(await call()).toBe(true);
}

type Gap = { firstSeq: string; lastSeq: string; facts: string; state: string; openCalls: string };

async function gaps({ stack }: Setting): Promise<Gap[]> {
  const { factGaps } = await stack.admin.run<{ factGaps: { nodes: Gap[] } }>(
    "{ factGaps(first: 100) { nodes { firstSeq lastSeq facts state openCalls } } }",
  );
  return factGaps.nodes;
}

/** All that the proxy counted in its epochs, as far as it said. */
async function counted({ sql }: Setting): Promise<number> {
  const { rows } = await sql.query("SELECT coalesce(sum(seq), 0)::int AS seq FROM usage.epoch_count");
  return Number(rows[0].seq);
}

/** Nothing is known to be missing, and something is known. */
async function allArrived(setting: Setting): Promise<void> {
  await until(async () => (await counted(setting)) > 0 && (await gaps(setting)).length === 0, {
    what: "all facts to arrive",
    timeoutMs: 30_000,
  });
}

async function lostFacts({ sql }: Setting): Promise<number> {
  const { rows } = await sql.query("SELECT coalesce(sum(last_seq - seq + 1), 0)::int AS lost FROM usage.lost");
  return Number(rows[0].lost);
}

async function storedRows({ sql }: Setting): Promise<{ rows: number; different: number }> {
  const { rows } = await sql.query(
    `SELECT count(*)::int AS rows, count(DISTINCT request_id)::int AS different FROM usage.call WHERE request_id <> ''`,
  );
  return { rows: Number(rows[0].rows), different: Number(rows[0].different) };
}

type Said = Record<"method" | "clientEra" | "serverEra" | "clientName" | "clientVersion", string | null>;

async function saidOf({ stack }: Setting, filter: Record<string, string>): Promise<Said[]> {
  const { calls } = await stack.admin.run<{ calls: { nodes: Said[] } }>(
    `query ($filter: CallFilter) { calls(first: 100, filter: $filter) {
       nodes { method clientEra serverEra clientName clientVersion } } }`,
    { filter },
  );
  return calls.nodes;
}

describe("a client says what a call belongs to", () => {
  test("the call is found by each of its ids, and says what it was", { timeout: 60_000 }, async () => {
    const setting = await open("what calls were");
    const params = { name: "example__echo", arguments: {}, _meta: { "claudecode/toolUseId": "toolu_e2e" } };
    const { headers, body } = mcpRequest("tools/call", params);
    const own = { authorization: `Bearer ${setting.secret}`, "x-claude-code-session-id": "work-e2e" };
    const sent = { method: "POST", headers: { ...headers, ...own }, body };
    const response = await fetch(`${setting.stack.proxy().url}/mcp`, sent);
    expect(await response.text()).toContain('"result"');
    const said = { method: "tools/call", clientEra: "MODERN", clientName: "spec", clientVersion: "1" };
    for (const filter of [{ toolUseId: "toolu_e2e" }, { sessionId: "work-e2e", method: "tools/call" }]) {
      await until(async () => (await saidOf(setting, filter)).length > 0, { what: "the call to be told" });
      expect(await saidOf(setting, filter)).toEqual([{ ...said, serverEra: "LEGACY" }]);
    }
  });
});

describe("a proxy is killed with calls under way", () => {
  test("they are known, once each, with an outcome that nobody knows", { timeout: 120_000 }, async () => {
    const setting = await open("open calls");
    const { stack, keyId, call } = setting;
    const hanging = Array.from({ length: 5 }, () => call("slow", { ms: 60_000 }).catch(() => false));
    // A call's intent is on disk before the call is out, so a report that counts them open says that they are.
    await until(async () => (await setting.sql.query("SELECT 1 FROM usage.epoch_count WHERE open = 5")).rowCount, {
      what: "five calls to be under way",
    });
    await stack.proxy().stop("SIGKILL");
    expect(await Promise.all(hanging)).toEqual([false, false, false, false, false]);
    for (let restarts = 0; restarts < 2; restarts++) {
      await stack.proxy().start();
      await until(async () => (await readCalls(stack.admin, { keyId, outcome: "UNKNOWN" })).length >= 5, {
        what: "the open calls to be told",
      });
      await stack.proxy().stop("SIGKILL");
    }
    const unknown = await readCalls(stack.admin, { keyId, outcome: "UNKNOWN" });
    expect(unknown.map(({ tool }) => tool)).toEqual(["slow", "slow", "slow", "slow", "slow"]);
    // Nobody knows what became of them; what they were is known as of any other call.
    const said = { method: "tools/call", clientEra: "MODERN", clientName: "spec", clientVersion: "1" };
    expect(await saidOf(setting, { outcome: "UNKNOWN" })).toEqual(unknown.map(() => ({ ...said, serverEra: null })));
  });
});

describe("a machine is lost with its disk", () => {
  test("the tail that died with it has the size that it last reported", { timeout: 120_000 }, async () => {
    const setting = await open("lost disk");
    const { stack, sql } = setting;
    await allArrived(setting);
    // Facts cannot be stored for now, while reports can: the store's own lock stands for a line that is slower than a crash.
    await sql.query("BEGIN; LOCK TABLE usage.cursor IN EXCLUSIVE MODE");
    const before = await counted(setting);
    await calls(setting, 20);
    await until(async () => (await counted(setting)) >= before + 20, { what: "the report that counts them" });
    await stack.proxy().stop("SIGKILL");
    await rm(join(stack.proxy().dataDir, "proxy"), { recursive: true });
    // What it sent before it died is waiting at the lock, and would be stored after all.
    await stack.control.stop("SIGKILL");
    await sql.query("COMMIT");
    await stack.control.start();
    await stack.proxy().start();
    const { rows: stored } = await storedRows(setting);
    await calls(setting, 3);
    await until(async () => (await storedRows(setting)).rows === stored + 3 && (await gaps(setting)).length === 1, {
      what: "all but the lost tail to arrive",
    });
    expect(await gaps(setting)).toMatchObject([{ facts: "20", state: "IN_TRANSIT" }]);
    // After ten minutes of silence it is not on its way any more.
    await sql.query("UPDATE usage.epoch_count SET heard = heard - interval '11 minutes'");
    expect((await gaps(setting)).filter(({ state }) => state === "MISSING")).toMatchObject([{ facts: "20" }]);
    const { rows, different } = await storedRows(setting);
    expect(rows).toBe(different);
  });
});

describe("the disk takes no more", () => {
  test("calls go on, and every fact is in the store or stated as lost", { timeout: 120_000 }, async () => {
    // Files of at most 32 KiB: what a write meets there is what it meets on a full disk.
    const setting = await open("full disk");
    const { stack } = setting;
    await stack.proxy().stop();
    await stack.proxy().start({ fileBytesMax: 32 * 1024 });
    await calls(setting, 400);
    await stack.proxy().stop();
    await stack.proxy().start();
    await until(async () => (await storedRows(setting)).rows + (await lostFacts(setting)) >= 401, {
      what: "the rest of the spool to arrive",
    });
    expect(await lostFacts(setting)).toBeGreaterThan(0);
    await expectWhole(setting);
  });
});

const small = await smallDiskAvailability();

describe.skipIf(!small.available)(`a disk is full${small.available ? "" : ` (skipped: ${small.reason})`}`, () => {
  test(
    "to its last byte, also at a start, and then is not: calls go on, and what was not written is stated",
    {
      timeout: 120_000,
    },
    async () => {
      const setting = await open("really full disk");
      const { stack } = setting;
      const proxy = stack.proxy();
      await proxy.stop();
      await using disk = await mountSmallDisk(proxy.dataDir, 4 * 1024 * 1024);
      await proxy.start();
      await calls(setting, 50);
      await disk.fill();
      await calls(setting, 200);
      await until(async () => (await readMetric(proxy, "tollgate_facts_lost_total")) > 0, {
        what: "facts that the disk refused",
      });
      await disk.free();
      await calls(setting, 50);
      await until(async () => (await lostFacts(setting)) > 0, { what: "the loss to be stated" });
      await expectWhole(setting);
      await proxy.stop();
      await disk.fill();
      await proxy.start();
      await calls(setting, 20);
      await proxy.stop();
      await disk.free();
      await proxy.start();
      await calls(setting, 5);
      // The first call of all made the key known; those at the full start may have had nowhere to be written at all.
      const leastSaid = 1 + 50 + 200 + 50 + 5;
      const said = async () => (await storedRows(setting)).rows + (await lostFacts(setting));
      await until(async () => (await said()) >= leastSaid, { what: `${leastSaid} facts to be stored or stated` });
      await expectWhole(setting);
      const { rows, different } = await storedRows(setting);
      expect(rows).toBe(different);
    },
  );
});

describe("a disk is copied", () => {
  test(
    "two that write in one epoch, one after the other: the first is stored, the second refused and told, none twice",
    {
      timeout: 120_000,
    },
    async () => {
      const setting = await open("cloned disk");
      const { stack } = setting;
      const first = stack.proxy();
      await calls(setting, 10);
      await allArrived(setting);
      await first.stop();
      const copy = join(stack.dir, "copy");
      await cp(first.dataDir, copy, { recursive: true });
      const clone = await stack.addProxy(copy);
      const { rows: before } = await storedRows(setting);

      await clone.start();
      const callClone = async (): Promise<boolean> =>
        (await callTool(clone.url, setting.secret, "example__echo", {})).hasResult;
      for (let done = 0; done < 20; done++) expect(await callClone()).toBe(true);
      await until(async () => (await storedRows(setting)).rows === before + 20, { what: "the clone's facts" });
      await clone.stop();

      // It takes the same epoch out of the same stock, because each of them knows only its own disk.
      await first.start();
      // As soon as it is told, another worker takes the place of its only one, under the calls.
      let isOver = false;
      resources.defer(() => void (isOver = true));
      const callers = Array.from({ length: 8 }, async () => {
        let done = 0;
        for (; !isOver; done++) expect(await setting.call()).toBe(true);
        return done;
      });
      // By the answer to a report or to a batch, whichever is sent first.
      const [, epoch = ""] = await until(() => /"epoch":(\d+),"kind":"forked"/.exec(first.log()), {
        what: "the second writer of the epoch to be told that it is one",
      });
      // Another epoch takes its place, and what comes from then on arrives.
      const later = new Set<string | null>();
      await until(
        async () => {
          later.add((await callTool(first.url, setting.secret, "example__echo", {})).requestId);
          return (await readCalls(stack.admin, { keyId: setting.keyId })).some(({ requestId }) => later.has(requestId));
        },
        { what: "facts of another epoch", timeoutMs: 30_000, intervalMs: 500 },
      );
      isOver = true;
      for (const done of await Promise.all(callers)) expect(done).toBeGreaterThan(15);
      // What was refused stays on its disk, for whoever looks into it.
      const [proxyId = ""] = await readdir(join(first.dataDir, "proxy", "facts"));
      const [segment] = listSegments(join(first.dataDir, "proxy", "facts", proxyId), BigInt(epoch));
      expect(countFacts((segment && readSegment(segment, 0)) ?? new Uint8Array())).toBeGreaterThan(0);
      const { rows, different } = await storedRows(setting);
      expect(rows).toBe(different);
    },
  );
});

/** As a restored backup would have it: the usage store as it was some facts ago, everything else as it is. */
async function forget({ sql }: Setting, facts: number): Promise<void> {
  await sql.query("BEGIN");
  await sql.query("LOCK TABLE usage.cursor IN EXCLUSIVE MODE");
  await sql.query(
    `UPDATE usage.cursor SET stored = greatest(0, stored - $1), seen = greatest(0, stored - $1),
       link = (SELECT link FROM usage.call WHERE call.proxy_id = cursor.proxy_id AND call.epoch = cursor.epoch
               AND call.seq = cursor.stored - $1)`,
    [facts],
  );
  await sql.query(
    `DELETE FROM usage.call USING usage.cursor WHERE call.proxy_id = cursor.proxy_id AND call.epoch = cursor.epoch
     AND call.seq > cursor.stored`,
  );
  await sql.query("UPDATE usage.consumed SET next = 0");
  await sql.query("COMMIT");
}

/** All that the proxy has counted is stored or stated, and what is stored is there once: of one moment, since facts come. */
async function expectWhole(setting: Setting): Promise<void> {
  const told = async () => {
    const { rows } = await setting.sql.query(
      `SELECT calls.rows, calls.different, lost.facts AS lost, cursor.stored, counted.seq AS counted FROM
         (SELECT count(*)::int AS rows, count(DISTINCT request_id)::int AS different FROM usage.call
          WHERE request_id <> '') calls,
         (SELECT coalesce(sum(last_seq - seq + 1), 0)::int AS facts FROM usage.lost) lost,
         (SELECT coalesce(sum(stored), 0)::int AS stored FROM usage.cursor) cursor,
         (SELECT coalesce(sum(seq), 0)::int AS seq FROM usage.epoch_count) counted`,
    );
    return rows[0];
  };
  const { rows, different, lost, stored } = await until(
    async () => {
      if (!(await gaps(setting)).every(({ state }) => state === "LOST")) return undefined;
      const now = await told();
      // The last report of a process is up to a second older than its last fact.
      return now.rows + now.lost >= now.counted ? now : undefined;
    },
    { what: "everything to be in the store or stated as lost", timeoutMs: 60_000 },
  );
  expect(rows).toBe(different);
  expect(rows + lost).toBe(stored);
}

describe("the database is restored to a time before some facts were stored", () => {
  test(
    "over gRPC: what is still on the proxy's disk comes again, the rest is stated",
    { timeout: 120_000 },
    async () => {
      const setting = await open("restored store");
      await calls(setting, 30);
      await allArrived(setting);
      await setting.stack.control.stop("SIGKILL");
      await forget(setting, 20);
      await setting.stack.control.start();
      await calls(setting, 5);
      await expectWhole(setting);
    },
  );
});

describeWith(await kafkaAvailability("own"), "the database is restored behind the offsets that were committed", () => {
  test(
    "over Kafka: the topic is read again from there, and every fact is back once",
    { timeout: 120_000 },
    async () => {
      const broker = resources.use(await startBroker());
      const setting = await open("restored offsets", broker.brokers);
      await calls(setting, 30);
      await allArrived(setting);
      await setting.stack.control.stop("SIGKILL");
      await forget(setting, 20);
      await setting.stack.control.start();
      await calls(setting, 5);
      await expectWhole(setting);
      expect(await lostFacts(setting)).toBe(0);
    },
  );
});
