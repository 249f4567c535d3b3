// After a restart the feed goes on from what was kept. A snapshot for every proxy that starts would make a fleet's restart
// the heaviest moment of its control plane; and without one where it is due, a proxy would follow a log that is not there.

import { afterEach, expect, test } from "vitest";
import { until } from "../fixtures/gate-fixture.ts";
import { systemClock } from "./feed.ts";
import { follow, type Follower } from "./follower.ts";
import { LogDiffers } from "./mender.ts";
import type { Place, Source, SourceListener } from "./source.ts";

const place = (position: bigint, incarnation = 1): Place => ({
  log: { id: "log", incarnation },
  position,
  hash: Buffer.alloc(32, Number(position)),
});

let follower: Follower | undefined;
afterEach(() => follower?.stop());

type Read = (after: Place, listener: Pick<SourceListener, "onTick">) => Promise<void>;

function begin(start: Place | undefined, read: Read) {
  const attached: (Place | undefined)[] = [];
  const snapshots: Place[] = [];
  const source: Source = {
    name: "grpc",
    beginsAt: "position",
    async attach(after, listener) {
      attached.push(after);
      let timeMs = 1n;
      const tick = () =>
        after && listener.onTick(after.log, { head: after.position, timeMs: timeMs++, hash: after.hash });
      const ticking = setInterval(tick, 20);
      return { detach: async () => clearInterval(ticking) };
    },
  };
  follower = follow({
    ...{ sources: [source], begin: start, read, clock: systemClock },
    snapshot: async () => ({ ...place(9n, 2), chunks: [] }),
    onSnapshot: ({ log, position, hash }) => snapshots.push({ log, position, hash }),
    ...{ onCommits: () => undefined, onTick: () => undefined, onProblem: () => undefined },
  });
  return { attached, snapshots };
}

test("a feed with a place to start from reads on from there, and takes no snapshot", async () => {
  const reads: Place[] = [];
  const { attached, snapshots } = begin(place(5n), async (after) => void reads.push(after));
  expect(follower?.status().place).toEqual(place(5n));
  await until(() => attached.length === 1, "the source");
  expect([reads, attached, snapshots]).toEqual([[place(5n)], [place(5n)], []]);
});

test("a control plane that has no such place, after a restored backup say, gives a snapshot", async () => {
  const { attached, snapshots } = begin(place(5n), async ({ log }) => {
    if (log.incarnation === 1) throw new LogDiffers("another log");
  });
  await until(() => attached.length === 1, "the source");
  expect([attached, snapshots]).toEqual([[place(9n, 2)], [place(9n, 2)]]);
});

test("a place of which an older control plane said no hash gives way to a snapshot, also where the log is quiet", async () => {
  const unsaid = { ...place(5n), hash: new Uint8Array() };
  const { attached, snapshots } = begin(unsaid, async ({ log, position }, listener) => {
    const { hash } = await Promise.resolve(place(position));
    listener.onTick(log, { head: position, timeMs: 1n, hash });
  });
  await until(() => attached.length === 1, "the source");
  expect([attached, snapshots]).toEqual([[place(9n, 2)], [place(9n, 2)]]);
});

test("a feed without a place begins with a snapshot", async () => {
  const { attached, snapshots } = begin(undefined, async () => undefined);
  await until(() => attached.length === 1, "the source");
  expect(snapshots).toEqual([place(9n, 2)]);
});
