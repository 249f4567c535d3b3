// Whoever can write to the brokers that a proxy reads, or has stolen a proxy's disk, in the product as it runs: what he
// writes is refused, counted and told, and costs no one a revocation. And a state that is not the log's, however it came
// about, is found and taken anew once; where that does not help it refuses, and the fleet shows it.

import { createHmac } from "node:crypto";
import { cp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openDatabase } from "@tollgate/api/database";
import { tickHeaders } from "@tollgate/kernel/kafka-record";
import { macTagBytes, macText, signedBytes } from "@tollgate/kernel/record-mac";
import { ownCacheKey } from "@tollgate/proxy/cache/cache-key";
import { placeOf, type Kept } from "@tollgate/proxy/cache/contents";
import { loadCache } from "@tollgate/proxy/cache/load";
import { TickSchema } from "@tollgate/schema/sync";
import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { write } from "../contract/topic.ts";
import { proxyIdOf, readMetrics } from "../support/member-state.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readFleet,
  readNackedScopes,
  registerServer,
  revokeKey,
  revokeProxy,
} from "../support/operations.ts";
import { seededRandom, seedFromEnv, type SeededRandom } from "../support/random.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { mirroredBrokers, type Distortion, type Mirrored } from "../support/topic-mirror.ts";
import { until } from "../support/wait.ts";

const revokedMsMax = 1_000;
const tool = "example__echo";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

type Opened = { stack: Stack; teamId: string; databaseUrl: string };

async function open(name: string, kafka: { kafkaBrokers?: string; proxyKafkaBrokers?: string }): Promise<Opened> {
  const database = resources.use(await createDatabase(name));
  const upstream = resources.use(await startExampleMcp());
  const stack = resources.use(await startStack({ databaseUrl: database.url, ...kafka, proxies: 2 }));
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(stack.admin, "platform");
  return { stack, teamId, databaseUrl: database.url };
}

function allFollow(stack: Stack, source: string): Promise<unknown> {
  const isThere = async (): Promise<boolean> => {
    const sources = (await readFleet(stack.admin)).map((member) => member.source);
    return sources.length === stack.proxies.length && sources.every((one) => one === source);
  };
  return until(isThere, {
    what: `all proxies to follow ${source}`,
    timeoutMs: 60_000,
  });
}

async function works({ url }: Member, secret: string): Promise<void> {
  await until(async () => (await callTool(url, secret, tool)).hasResult, { what: "the key to work", intervalMs: 1 });
}

/** What one proxy refused of the topic, by reason. */
async function refusedOf(member: Member): Promise<Partial<Record<string, number>>> {
  const found = [...(await readMetrics(member))].map(([name, count]) => {
    return [/^tollgate_events_refused_total\{reason="([a-z-]+)"\}$/.exec(name)?.[1] ?? "", count] as const;
  });
  return Object.fromEntries(found.filter(([reason]) => reason !== ""));
}

async function kindsOf({ adminUrl }: Member): Promise<unknown> {
  const { position, kinds }: { position: string; kinds: unknown } = JSON.parse(
    await (await fetch(`${adminUrl}/debug/replica`)).text(),
  );
  return { position, kinds };
}

/** Of five records one is cut short, altered, repeated, left out, or changes its place with the next. */
function distorting(random: SeededRandom): Distortion {
  let held: Mirrored | undefined;
  const past: Mirrored[] = [];
  const head = (message: Mirrored, name: string, text: string): Mirrored => {
    return { ...message, headers: { ...message.headers, [name]: text } };
  };
  return (message) => {
    past.push(message);
    const released = held === undefined ? [] : [held];
    held = undefined;
    if (!random.chance(0.2)) return [message, ...released];
    const ways: (() => readonly Mirrored[])[] = [
      () => [{ ...message, value: Buffer.from(message.value ?? "").subarray(1) }, ...released],
      () => [head(message, "position", "7"), ...released],
      () => [head(message, "tick", "9007199254740993:9007199254740993"), message, ...released],
      () => [head(message, "mac", ""), ...released],
      () => [message, ...released, ...past.slice(-8), random.pick(past)],
      () => released,
      () => {
        held = message;
        return released;
      },
    ];
    return random.pick(ways)();
  };
}

describeWith(await kafkaAvailability("own"), "records that are not what a relay wrote", () => {
  test(
    "cut, altered, repeated, reordered, left out: refused, counted, told, and no revocation waits for them",
    {
      timeout: 180_000,
    },
    async () => {
      const random = seededRandom(seedFromEnv());
      const { events, ...brokers } = await mirroredBrokers(resources);
      const { stack, teamId } = await open("false records", brokers);
      const [proxy = stack.proxy(), fresh = stack.proxy()] = stack.proxies;
      await allFollow(stack, "kafka");
      events.setDistortion(distorting(random));
      for (let index = 0; index < 40; index++) {
        const key = await issueKey(stack.admin, { name: `key-${index}`, teamId });
        await works(proxy, key.secret);
        await revokeKey(stack.admin, key.id);
        const startMs = performance.now();
        await until(async () => (await callTool(proxy.url, key.secret, tool)).status === 401, {
          what: "the refusal",
          intervalMs: 1,
        });
        expect(performance.now() - startMs, `key-${index} of seed ${random.seed}`).toBeLessThan(revokedMsMax);
      }
      const refused = await until(
        async () => {
          const found = await refusedOf(proxy);
          return (found["mac-wrong"] ?? 0) > 0 && (found["mac-missing"] ?? 0) > 0 && found;
        },
        { what: "records of each kind to be refused", timeoutMs: 30_000 },
      );
      console.log(`refused: ${JSON.stringify(refused)}`);
      expect(proxy.log()).toContain("records in the events topic were not written by our relay; refused");
      events.setDistortion();
      await allFollow(stack, "kafka");
      // One has read all of it and mended what was missing; the other begins anew, with the log's own state.
      await fresh.stop();
      await rm(join(fresh.dataDir, "proxy", "cache.sealed"));
      await fresh.start();
      await until(async () => isDeepStrictEqual(await kindsOf(proxy), await kindsOf(fresh)), {
        what: "the same state as of one that begins now",
      });
    },
  );

  test(
    "signed with a stolen proxy's key: taken until it is revoked, and refused soon after",
    {
      timeout: 120_000,
    },
    async () => {
      const broker = resources.use(await startBroker());
      const { stack, teamId } = await open("stolen key", { kafkaBrokers: broker.brokers });
      const [first = stack.proxy(), second = stack.proxy()] = stack.proxies;
      await allFollow(stack, "kafka");
      const { secret } = await issueKey(stack.admin, { name: "agent", teamId });
      await works(first, secret);
      const stolen = await until(() => keptBy(second), { what: "a cache to steal" });
      const before = await refusedOf(first);
      await write(broker.brokers, [forgedTick(stolen)]);
      // The next of the relay's own is behind it, so by then it has been read.
      await works(first, (await issueKey(stack.admin, { name: "later", teamId })).secret);
      expect(await refusedOf(first)).toEqual(before);

      await revokeProxy(stack.admin, proxyIdOf(second));
      await until(async () => (await fetch(`${second.url}/healthz`).catch(() => undefined)) === undefined, {
        what: "the revoked proxy to end by itself",
      });
      expect(await second.stop()).toBe(1);
      expect(existsSync(join(second.dataDir, "proxy", "cache.sealed"))).toBe(false);

      let forged = 0;
      const refused = await until(
        async () => {
          await write(broker.brokers, [forgedTick(stolen)]);
          forged++;
          return (await refusedOf(first))["key-unknown"] ?? 0;
        },
        { what: "its key to be refused", timeoutMs: 120_000, intervalMs: 500 },
      );
      // None of the relay's own was: it has gone over to a key that everybody else has known for long.
      expect(refused).toBeLessThanOrEqual(forged);
      expect(await refusedOf(first)).toMatchObject({ "mac-wrong": 0, "mac-missing": 0 });
      expect((await callTool(first.url, secret, tool)).hasResult).toBe(true);
      await allFollow(stack, "kafka");
      const { id, secret: short } = await issueKey(stack.admin, { name: "short", teamId });
      await works(first, short);
      await revokeKey(stack.admin, id);
      await until(async () => (await callTool(first.url, short, tool)).status === 401, { what: "the refusal" });
    },
  );
});

test(
  "a state that is not the log's is taken anew once; where it differs again the kind refuses and the fleet shows it",
  {
    timeout: 120_000,
  },
  async () => {
    const { stack, teamId, databaseUrl } = await open("divergence", {});
    const { secret } = await issueKey(stack.admin, { name: "agent", teamId });
    const proxy = stack.proxy();
    await works(proxy, secret);
    const database = await openDatabase({ url: databaseUrl });
    resources.defer(() => database.close());
    const falsify = (): Promise<unknown> =>
      // Field 99, which no software knows, and none refuses: the same key in other bytes.
      database.sql.query("UPDATE replica_v1.resource SET body = body || '\\x980601'::bytea WHERE kind = 'team'");
    // The control plane sums at the first report of a position, so of one that it has not summed yet.
    const move = (name: string): Promise<unknown> => createTeam(stack.admin, name);

    await falsify();
    await move("first");
    await until(() => proxy.log().includes("the state is not the log's; a new snapshot is taken"), {
      what: "the difference to be found",
      timeoutMs: 30_000,
    });
    expect((await callTool(proxy.url, secret, tool)).hasResult).toBe(true);
    await falsify();
    await move("second");
    await until(() => proxy.log().includes("a kind differs from the log, also after a new snapshot"), {
      what: "the second difference",
      timeoutMs: 60_000,
    });
    await until(async () => (await readNackedScopes(stack.admin)).includes("team/*"), { what: "the fleet to show it" });
  },
);

/** Copied, as a thief would: what loads a cache may remove it. */
async function keptBy(member: Member): Promise<Kept | undefined> {
  const copy = join(member.dataDir, "..", "stolen");
  // The sockets of its workers are there, too, and no files.
  await cp(join(member.dataDir, "proxy"), copy, { recursive: true, filter: (path) => !/[/\\]run-[^/\\]*$/.test(path) });
  const key = ownCacheKey(join(copy, "cache.key"));
  const loaded = loadCache(join(copy, "cache.sealed"), key, proxyIdOf(member));
  return loaded.outcome === "kept" && loaded.kept.stock.records.length > 0 ? loaded.kept : undefined;
}

/** Of long ago and of what everybody has: harmless, and signed as a relay would. */
function forgedTick({ messages, stock }: Kept) {
  const place = placeOf(messages);
  const [shared] = stock.records;
  if (!place || !shared) throw new Error("nothing to forge with");
  const tick = create(TickSchema, { head: place.position, timeMs: 1n, hash: place.hash });
  const said = { kind: "tick", log: place.log, tick } as const;
  const tag = createHmac("sha256", shared.key).update(signedBytes(said)).digest().subarray(0, macTagBytes);
  return { value: null, headers: { ...tickHeaders(place.log, tick), mac: macText({ keyId: shared.id, tag }) } };
}
